import type {
  CiliumEndpoint,
  CiliumEndpointSlice,
  CiliumIdentity,
  CiliumNode,
  Namespace,
  Node,
  ObjectMeta,
  Pod,
} from '@clustermesh/kube';
import { isDeepStrictEqual } from 'node:util';

import type { ClusterPlan } from '../mesh-plan.ts';
import { isTerminating } from '../controllers/owned-pods.ts';

type Labels = Readonly<Record<string, string>>;

export interface CiliumInputs {
  readonly cluster: Pick<ClusterPlan, 'name' | 'id'>;
  readonly nodes: readonly Node[];
  readonly namespaces: readonly Namespace[];
  readonly pods: readonly Pod[];
  /** Those that there are: a set of labels keeps its number. */
  readonly identities: readonly CiliumIdentity[];
}

export interface CiliumObjects {
  readonly nodes: readonly CiliumNode[];
  readonly identities: readonly CiliumIdentity[];
  readonly endpoints: readonly CiliumEndpoint[];
  readonly slices: readonly CiliumEndpointSlice[];
}

/** Numbers below are reserved, and those of a cluster begin with its id (protocol.md §5.2). */
const firstIdentity = 256;
const clusterIdShift = 16;

/**
 * What Cilium's agents and operator keep in a cluster, with the fields that they fill in there: one CiliumNode a node,
 * one CiliumIdentity a set of labels, one CiliumEndpoint a pod, and slices of endpoints, which the operator of a
 * cluster has where that is switched on.
 */
export function ciliumObjects({ cluster, nodes, namespaces, pods, identities }: CiliumInputs): CiliumObjects {
  const allocated = [...identities];
  const endpoints = pods.filter(isEndpoint).map((pod) => {
    const namespace = namespaces.find(({ metadata }) => metadata.name === pod.metadata.namespace);
    return endpointOf(pod, identityOf(securityLabels(pod, namespace, cluster.name), cluster.id, allocated));
  });
  return { nodes: nodes.map(nodeOf), identities: allocated, endpoints, slices: slicesOf(endpoints) };
}

function isEndpoint(pod: Pod): boolean {
  return pod.spec.hostNetwork !== true && pod.status?.podIP !== undefined && !isTerminating(pod);
}

function nodeOf({ metadata: { name, labels = {}, uid = '' }, spec, status }: Node): CiliumNode {
  const podCidrs = spec?.podCIDRs ?? [];
  const [v4 = ''] = podCidrs;
  const internal = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  return {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNode',
    metadata: { name, labels, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
    spec: {
      addresses: [
        ...internal.map(({ address }) => ({ type: 'InternalIP', ip: address })),
        { type: 'CiliumInternalIP', ip: addressIn(v4, 1) },
      ],
      bootid: status?.nodeInfo?.['bootID'] ?? '',
      encryption: {},
      // Pods of the lab are .2 to .254.
      health: { ipv4: addressIn(v4, 255) },
      ingress: {},
      ipam: { podCIDRs: podCidrs },
    },
  };
}

/** @param cidr a /24 */
function addressIn(cidr: string, host: number): string {
  return cidr.replace(/\.0\/24$/, `.${host}`);
}

/** Labels that Cilium's default filter keeps out of identities: they differ from pod to pod of one workload. */
const irrelevant =
  /^(pod-template-hash|pod-template-generation|controller-revision-hash|(.*\.)?k(ubernete|8)s\.io\/.*)$/;

function securityLabels({ metadata, spec }: Pod, namespace: Namespace | undefined, cluster: string): Labels {
  const own = Object.entries(metadata.labels ?? {}).filter(
    ([key]) => key.startsWith('app.kubernetes.io/') || !irrelevant.test(key),
  );
  const inherited = Object.entries(namespace?.metadata.labels ?? {}).map(([key, value]) => [
    `io.cilium.k8s.namespace.labels.${key}`,
    value,
  ]);
  const { serviceAccountName: account } = spec;
  const labels = Object.fromEntries([
    ...own,
    ...inherited,
    ['io.cilium.k8s.policy.cluster', cluster],
    // Pods of the stand-in for the Kubernetes API say it only where their manifest does.
    ...(account === undefined ? [] : [['io.cilium.k8s.policy.serviceaccount', account]]),
    ['io.kubernetes.pod.namespace', metadata.namespace ?? ''],
  ]) as Labels;
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [`k8s:${key}`, value]));
}

/** The one with these labels, or a new one behind `allocated`, which it joins. Nothing is ever given to others. */
function identityOf(labels: Labels, clusterId: number, allocated: CiliumIdentity[]): CiliumIdentity {
  const found = allocated.find((identity) => isDeepStrictEqual({ ...identity['security-labels'] }, { ...labels }));
  if (found !== undefined) return found;
  const taken = new Set(allocated.map(({ metadata }) => metadata.name));
  let number = (clusterId << clusterIdShift) | firstIdentity;
  while (taken.has(String(number))) number++;
  const namespace = labels['k8s:io.kubernetes.pod.namespace'] ?? '';
  const identity: CiliumIdentity = {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumIdentity',
    metadata: { name: String(number), labels: { 'io.kubernetes.pod.namespace': namespace } },
    'security-labels': labels,
  };
  allocated.push(identity);
  return identity;
}

function endpointOf({ metadata, spec, status = {} }: Pod, identity: CiliumIdentity): CiliumEndpoint {
  const { name, namespace = '', uid = '' } = metadata;
  const ports = spec.containers.flatMap(({ ports: some = [] }) => some);
  const named = ports.flatMap(({ name: port, containerPort, protocol = 'TCP' }) =>
    port === undefined ? [] : [{ name: port, port: containerPort, protocol }],
  );
  const own: CiliumEndpoint['status'] & Readonly<Record<string, unknown>> = {
    state: 'ready',
    encryption: {},
    identity: {
      id: Number(identity.metadata.name),
      ...{ labels: Object.entries(identity['security-labels'] ?? {}).map(([key, value]) => `${key}=${value}`) },
    },
    networking: { addressing: [addressPair(status)], node: status.hostIP ?? '' },
    'service-account': spec.serviceAccountName ?? '',
    'named-ports': named,
  };
  const owner = { apiVersion: 'v1', kind: 'Pod', name, uid };
  const meta: ObjectMeta = { name, namespace, ownerReferences: [owner] };
  return { apiVersion: 'cilium.io/v2', kind: 'CiliumEndpoint', metadata: meta, status: own };
}

function addressPair({ podIP = '', podIPs = [] }: NonNullable<Pod['status']>): { ipv4: string; ipv6?: string } {
  const ipv6 = podIPs.find(({ ip }) => ip.includes(':'))?.ip;
  return { ipv4: podIP, ...(ipv6 === undefined ? {} : { ipv6 }) };
}

/** One a namespace: a lab has not so many pods that the operator would make a second one. */
function slicesOf(endpoints: readonly CiliumEndpoint[]): readonly CiliumEndpointSlice[] {
  const byNamespace = Map.groupBy(endpoints, ({ metadata }) => metadata.namespace ?? '');
  return [...byNamespace].map(([namespace, mine]) => ({
    apiVersion: 'cilium.io/v2alpha1',
    kind: 'CiliumEndpointSlice',
    metadata: { name: `ces-${namespace}` },
    namespace,
    endpoints: mine.map(({ metadata, status = {} }) => {
      const { identity, ...rest } = status;
      const { encryption = {}, networking = {}, 'service-account': account = '' } = rest;
      return { name: metadata.name, id: identity?.id ?? 0, encryption, networking, 'service-account': account };
    }),
  }));
}
