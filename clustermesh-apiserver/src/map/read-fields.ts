import type { Fields } from '@clustermesh/kube';

/**
 * What is read of the objects of the Kubernetes API, by the conversions in this folder: a tenth of the bytes. The rest is
 * neither parsed nor kept.
 */
const meta = { name: true, namespace: true, uid: true, resourceVersion: true, labels: true } as const satisfies Fields;
const annotatedMeta = { ...meta, annotations: true } as const satisfies Fields;

export const podFields: Fields = {
  metadata: meta,
  spec: { hostNetwork: true, serviceAccountName: true },
  status: { phase: true, podIP: true, podIPs: true, hostIP: true },
};

export const nodeFields: Fields = {
  metadata: annotatedMeta,
  spec: { podCIDR: true, podCIDRs: true },
  status: { addresses: true, nodeInfo: { bootID: true } },
};

export const serviceFields: Fields = { metadata: annotatedMeta, spec: true };

/** All but which object an endpoint is. */
export const sliceFields: Fields = {
  metadata: annotatedMeta,
  addressType: true,
  endpoints: {
    ...{ addresses: true, conditions: true, hostname: true, deprecatedTopology: true },
    ...{ nodeName: true, zone: true, hints: true },
  },
  ports: true,
};
