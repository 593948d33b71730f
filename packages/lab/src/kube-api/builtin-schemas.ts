/**
 * The shapes that the strategies of built-in types rely on. Fields not named here are taken as they come; nulls are
 * gone before.
 */
import type { JsonSchema } from '@clustermesh/kube';

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };
const portOrName: JsonSchema = { 'x-kubernetes-int-or-string': true };

function object(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, required };
}

function list(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

function map(values: JsonSchema): JsonSchema {
  return { type: 'object', additionalProperties: values };
}

const container = object(
  {
    name: text,
    image: text,
    command: list(text),
    args: list(text),
    env: list(object({ name: text, value: text, valueFrom: object({}) }, ['name'])),
    ports: list(object({ name: text, containerPort: integer, hostPort: integer, protocol: text }, ['containerPort'])),
    volumeMounts: list(object({ name: text, mountPath: text, subPath: text }, ['name', 'mountPath'])),
    readinessProbe: object({}),
    livenessProbe: object({}),
    startupProbe: object({}),
  },
  ['name'],
);

const podSpec = object(
  {
    containers: { type: 'array', items: container },
    initContainers: { type: 'array', items: container },
    volumes: list(object({ name: text }, ['name'])),
    nodeName: text,
    hostNetwork: { type: 'boolean' },
    terminationGracePeriodSeconds: integer,
    restartPolicy: { ...text, enum: ['Always', 'OnFailure', 'Never'] },
  },
  ['containers'],
);

const labelSelector = object({
  matchLabels: map(text),
  matchExpressions: list(object({ key: text, operator: text, values: list(text) })),
});
const template = object({ metadata: object({ labels: map(text), annotations: map(text) }), spec: podSpec }, ['spec']);

const policyPeer = object({
  podSelector: labelSelector,
  namespaceSelector: labelSelector,
  ipBlock: object({ cidr: text, except: list(text) }, ['cidr']),
});
const policyPorts = list(
  object({ protocol: { ...text, enum: ['SCTP', 'TCP', 'UDP'] }, port: portOrName, endPort: integer }),
);

export const networkPolicySchema = object({
  spec: object({
    podSelector: labelSelector,
    policyTypes: list({ ...text, enum: ['Egress', 'Ingress'] }),
    ingress: list(object({ from: list(policyPeer), ports: policyPorts })),
    egress: list(object({ to: list(policyPeer), ports: policyPorts })),
  }),
});

export const podSchema = object({ spec: podSpec }, ['spec']);

export const workloadSchema = object(
  {
    spec: object({ replicas: { ...integer, minimum: 0 }, selector: labelSelector, template }, ['selector', 'template']),
  },
  ['spec'],
);

export const serviceSchema = object({
  spec: object({
    type: { ...text, enum: ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] },
    clusterIP: text,
    clusterIPs: list(text),
    ports: {
      type: 'array',
      items: object(
        {
          name: text,
          port: integer,
          protocol: { ...text, enum: ['TCP', 'UDP', 'SCTP'] },
          targetPort: portOrName,
          nodePort: integer,
        },
        ['port'],
      ),
    },
    selector: map(text),
    sessionAffinity: { ...text, enum: ['None', 'ClientIP'] },
    sessionAffinityConfig: object({ clientIP: object({ timeoutSeconds: integer }) }),
  }),
});

export const endpointSliceSchema = object(
  {
    addressType: { ...text, enum: ['IPv4', 'IPv6', 'FQDN'] },
    endpoints: list(
      object(
        {
          addresses: { type: 'array', items: text, minItems: 1, maxItems: 100 },
          conditions: object({
            ready: { type: 'boolean' },
            serving: { type: 'boolean' },
            terminating: { type: 'boolean' },
          }),
          nodeName: text,
          zone: text,
        },
        ['addresses'],
      ),
    ),
    ports: list(
      object({
        name: text,
        port: integer,
        protocol: text,
      }),
    ),
  },
  ['addressType'],
);

export const secretSchema = object({
  type: text,
  data: map(text),
  stringData: map(text),
  immutable: { type: 'boolean' },
});
export const configMapSchema = object({ data: map(text), binaryData: map(text), immutable: { type: 'boolean' } });

const crdNames = object(
  { plural: text, singular: text, kind: text, listKind: text, shortNames: list(text), categories: list(text) },
  ['plural', 'kind'],
);
const crdVersion = object(
  {
    name: text,
    served: { type: 'boolean' },
    storage: { type: 'boolean' },
    schema: object({}),
    subresources: object({}),
  },
  ['name', 'served', 'storage'],
);

export const crdSchema = object(
  {
    spec: object(
      { group: text, names: crdNames, scope: text, versions: { type: 'array', items: crdVersion, minItems: 1 } },
      ['group', 'names', 'scope', 'versions'],
    ),
  },
  ['spec'],
);
