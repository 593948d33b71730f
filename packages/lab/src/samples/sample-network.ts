import type { MeshPlan } from '../mesh-plan.ts';
import { bridge, podBatches } from '../network/ip-batch.ts';
import type { IpBatch, PodNetwork } from '../network/ip-batch.ts';
import { underlayPrefixLength } from '../mesh-plan.ts';
import type { SamplePod } from './sample-cluster.ts';

const tunnel = 'vxlan0';
/** Cilium's, and so ours. */
const tunnelPort = 8472;
/** Of the routing tables, one a pod. */
const firstTable = 100;

export function samplePodNetns(samplesNetns: string, { cluster, name }: Pick<SamplePod, 'cluster' | 'name'>): string {
  return `${samplesNetns}-${cluster}-${name}`;
}

/**
 * All nodes of all samples in one namespace, with the kernel's own VXLAN as the other end of the mesh's tunnel: what a
 * pod sends goes to the node of its destination with the pod's identity as VNI, as Cilium writes it.
 */
export function sampleBatches(plan: MeshPlan, netns: string, pods: readonly SamplePod[]): readonly IpBatch[] {
  const { netns: underlay } = plan.underlay;
  const nodes = plan.clusters.flatMap((cluster) => cluster.nodes);
  const hosts = [...new Set(pods.map(({ host }) => host))];
  const port = 'samples';
  return [
    {
      lines: [`netns add ${netns}`, `link add name eth0 netns ${netns} type veth peer name ${port} netns ${underlay}`],
    },
    { ...(underlay === undefined ? {} : { netns: underlay }), lines: [`link set ${port} master ${bridge} up`] },
    {
      netns,
      lines: [
        'link set lo up',
        `addr add ${plan.samples?.address}/${underlayPrefixLength} dev eth0`,
        ...hosts.map((host) => `addr add ${host}/32 dev eth0`),
        'link set eth0 up',
        `link add ${tunnel} type vxlan external dstport ${tunnelPort} nolearning`,
        `link set ${tunnel} arp off up`,
      ],
    },
    ...nodes.map(({ netns: node = '' }) => ({
      netns: node,
      lines: hosts.map((host) => `route add ${host}/32 dev eth0`),
    })),
    ...pods.flatMap((pod) => podBatches(podNetwork(netns, pod))),
    { netns, lines: pods.flatMap((pod, index) => overlayRoutes(pod, firstTable + index, nodes)) },
  ];
}

function overlayRoutes(
  { addresses, host, identity }: SamplePod,
  table: number,
  nodes: readonly { readonly podCidr: string; readonly address: string }[],
): readonly string[] {
  return [
    ...addresses.map((address) => `rule add from ${address} lookup ${table}`),
    ...nodes.map(
      ({ podCidr, address }) =>
        `route add ${podCidr} table ${table} encap ip id ${identity} src ${host} dst ${address} dev ${tunnel}`,
    ),
  ];
}

function podNetwork(netns: string, { cluster, name, addresses }: SamplePod): PodNetwork {
  const [address, ...moreAddresses] = addresses;
  const pod = samplePodNetns(netns, { cluster, name });
  return { netns: pod, nodeNetns: netns, link: `lxc${address.replaceAll('.', '')}`, address, moreAddresses };
}

/** The tunnel's frames are for nobody's hardware address: Cilium's programs take them all, the kernel must be told to. */
export const takeAllFrames = [
  'add table netdev samples',
  `add chain netdev samples arrivals { type filter hook ingress device ${tunnel} priority 0; }`,
  'add rule netdev samples arrivals meta pkttype set host',
].join('; ');
