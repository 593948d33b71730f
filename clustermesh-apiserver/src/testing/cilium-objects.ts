import {
  ciliumEndpoints,
  ciliumEndpointSlices,
  ciliumIdentities,
  ciliumNodes,
  customResourceDefinitions,
} from '@clustermesh/kube';
import type {
  CiliumEndpoint,
  CiliumEndpointSlice,
  CiliumIdentity,
  CiliumNode,
  CustomResourceDefinition,
  KubeClient,
  KubeObject,
  Resource,
} from '@clustermesh/kube';

/** A definition that takes any object; the first version is the one stored. */
export function aDefinition(
  resource: Resource<KubeObject>,
  versions: readonly string[] = [resource.version],
): CustomResourceDefinition {
  const { group, plural, kind, namespaced } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: { plural, kind },
      versions: versions.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        subresources: { status: {} },
      })),
    },
  };
}

const all: readonly Resource<KubeObject>[] = [ciliumNodes, ciliumIdentities, ciliumEndpoints, ciliumEndpointSlices];

/** What Cilium's operator installs. */
export async function installCilium(kube: KubeClient, resources = all): Promise<void> {
  for (const resource of resources) {
    const definition = aDefinition(resource);
    const versions = definition.spec.versions.map(({ subresources: _, ...version }) => version);
    // Cilium writes `status` of its objects as any other field.
    await kube.create(customResourceDefinitions, { ...definition, spec: { ...definition.spec, versions } });
  }
}

export function aCiliumNode(name: string, ip: string, podCidr: string): CiliumNode {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec: { addresses: [{ type: 'InternalIP', ip }], ipam: { podCIDRs: [podCidr] }, bootid: `boot-${name}` },
  };
}

/** Labelled as of cluster `east`. */
export function aCiliumIdentity(number: number, app: string, namespace = 'default'): CiliumIdentity {
  return {
    metadata: { name: `${number}` },
    'security-labels': {
      'k8s:app': app,
      'k8s:io.cilium.k8s.policy.cluster': 'east',
      'k8s:io.kubernetes.pod.namespace': namespace,
    },
  };
}

export function aCiliumEndpoint(name: string, ip: string, id: number, namespace = 'default'): CiliumEndpoint {
  return {
    metadata: { name, namespace },
    status: {
      identity: { id },
      networking: { addressing: [{ ipv4: ip }], node: '172.18.0.2' },
      'service-account': 'default',
    },
  };
}

export function aCiliumEndpointSlice(
  name: string,
  endpoints: readonly (readonly [name: string, ip: string, id: number])[],
  namespace = 'default',
): CiliumEndpointSlice {
  return {
    metadata: { name },
    namespace,
    endpoints: endpoints.map(([endpoint, ipv4, id]) => ({
      name: endpoint,
      id,
      encryption: {},
      networking: { addressing: [{ ipv4 }], node: '172.18.0.2' },
    })),
  };
}
