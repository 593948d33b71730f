import { describe, expect, it } from '@jest/globals';
import { parseCidr, parseLabel, prefixOf } from '@clustermesh/wire';
import fc from 'fast-check';
import { parse as parseYaml } from 'yaml';

import { evaluate } from '../evaluate.ts';
import { network, reservedIdentityList, workload } from '../resolve/identity.ts';
import type { Identity } from '../resolve/identity.ts';
import { pointRegion } from '../resolve/region.ts';
import { parsePolicy } from './parse-policy.ts';
import type { PolicyKind } from '../model.ts';
import { local } from './told.fixture.ts';

/** Each in its own way says as much as fits. */
const specs: readonly { readonly kind: PolicyKind; readonly spec: string }[] = [
  {
    kind: 'NetworkPolicy',
    spec: `
podSelector: {}
policyTypes: [Ingress, Egress]
ingress:
- from: [{podSelector: {matchLabels: {app: web}}}, {namespaceSelector: {matchExpressions: [{key: env, operator: Exists}]}}]
  ports: [{port: 80}, {port: 90, endPort: 99, protocol: UDP}]
egress:
- to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
- ports: [{port: 53, protocol: UDP}]`,
  },
  {
    kind: 'CiliumNetworkPolicy',
    spec: `
endpointSelector: {}
enableDefaultDeny: {ingress: true, egress: true}
ingress:
- fromEndpoints: [{matchLabels: {app: web}}]
  toPorts: [{ports: [{port: "80", protocol: TCP}]}]
- fromEntities: [cluster]
  icmps: [{fields: [{type: 8}]}]
ingressDeny:
- fromEndpoints: [{matchLabels: {app: db}}]
  toPorts: [{ports: [{port: "80", endPort: 99, protocol: ANY}]}]
egress:
- toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}]
- toServices: [{k8sService: {serviceName: db}}]
egressDeny:
- toEntities: [world]
  toPorts: [{ports: [{port: "53", protocol: UDP}]}]`,
  },
];

const labels = (app: string, cluster: string): ReturnType<typeof parseLabel>[] =>
  [
    `k8s:app=${app}`,
    'k8s:io.kubernetes.pod.namespace=demo',
    'k8s:io.cilium.k8s.namespace.labels.env=prod',
    `k8s:io.cilium.k8s.policy.cluster=${cluster}`,
  ].map(parseLabel);
const subject = workload(1_000, labels('web', 'east'));
const remotes: readonly Identity[] = [
  subject,
  workload(1_001, labels('db', 'east')),
  workload(1_002, labels('web', 'north')),
  ...['10.0.0.0/8', '10.1.0.0/16'].flatMap((text, index) => {
    const cidr = parseCidr(text);
    const prefix = cidr && prefixOf(cidr);
    return prefix === undefined ? [] : [network(16_777_217 + index, prefix)];
  }),
  ...reservedIdentityList(),
];
const points = [
  [6, 80],
  [6, 81],
  [17, 53],
  [17, 90],
  [1, 8],
].map(([protocol = 0, port = 0]) => pointRegion(protocol, port));

/** Flows that a policy lets through, or that are denied by default without it. */
function allowed(kind: PolicyKind, spec: unknown): ReadonlySet<string> {
  const { policies } = parsePolicy({ kind, metadata: { namespace: 'demo', name: 'p' }, spec }, local);
  const flows = (['ingress', 'egress'] as const).flatMap((direction) =>
    remotes.flatMap((remote) => points.map((at) => ({ subject, direction, remote, at }))),
  );
  const passing = flows.filter((flow) => evaluate(policies, flow, { localCluster: 'east' }) === 'allow');
  return new Set(passing.map(({ direction, remote, at }) => `${direction} ${remote.number} ${at.bits}`));
}

/** Objects in a specification that have fields: not maps of labels, and not the selector of subjects. */
function objectsIn(value: unknown, path = ''): readonly Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap((element) => objectsIn(element, path));
  if (typeof value !== 'object' || value === null || /(?:^podSelector|^endpointSelector|matchLabels)$/.test(path))
    return [];
  const fields = Object.entries(value).flatMap(([name, inner]) =>
    objectsIn(inner, path === '' ? name : `${path}.${name}`),
  );
  return [value as Record<string, unknown>, ...fields];
}

describe('whatever is written into a policy that we do not know', () => {
  it('never lets more through', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...specs),
        fc.nat(),
        fc.constantFrom<unknown>('x', 0, true, {}, [], ['x'], { deep: 1 }),
        ({ kind, spec }, which, field) => {
          const changed: unknown = parseYaml(spec);
          const objects = objectsIn(changed);
          const object = objects[which % objects.length];
          if (object !== undefined) object['tomorrow'] = field;
          const before = allowed(kind, parseYaml(spec));
          const more = [...allowed(kind, changed)].filter((flow) => !before.has(flow));
          expect(more).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is a problem, and no failure', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<PolicyKind>('NetworkPolicy', 'CiliumNetworkPolicy', 'CiliumClusterwideNetworkPolicy'),
        fc.oneof(
          fc.jsonValue(),
          fc.dictionary(fc.constantFrom('ingress', 'egress', 'podSelector', 'specs'), fc.jsonValue()),
        ),
        (kind, spec) => {
          const { policies, problems } = parsePolicy({ kind, metadata: { name: 'p' }, spec }, local);
          expect(policies.length + problems.length).toBeGreaterThan(0);
        },
      ),
    );
  });
});
