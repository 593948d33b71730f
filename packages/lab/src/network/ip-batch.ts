import type { ClusterPlan, MeshPlan, NodePlan } from '../mesh-plan.ts';
import { underlayPrefixLength } from '../mesh-plan.ts';

/** Input of one `ip -batch -`, run in a network namespace or, without one, where the lab runs. */
export interface IpBatch {
  readonly netns?: string;
  readonly lines: readonly string[];
}

/** A pod's only next hop; the address itself exists nowhere, its neighbour entry does. */
const podGateway = '169.254.1.1';
const podGateway6 = 'fe80::1';
/** Underlay 1500 less the 50 bytes of VXLAN: otherwise the outer packets fragment (datapath.md §2b). */
const podMtu = 1450;
export const bridge = 'br0';

interface Port {
  readonly netns: string;
  /** Name of the port's end at the bridge. */
  readonly port: string;
  readonly address: string;
}

/** The underlay, one namespace per node and one per control plane, joined by a bridge. Order matters. */
export function meshBatches(plan: MeshPlan): readonly IpBatch[] {
  const { netns: underlay } = plan.underlay;
  if (underlay === undefined) return [];
  const ports = plan.clusters.flatMap(clusterPorts);
  const create = [
    ...[underlay, ...ports.map(({ netns }) => netns)].map((netns) => `netns add ${netns}`),
    ...ports.map(
      ({ netns, port }) => `link add name eth0 netns ${netns} type veth peer name ${port} netns ${underlay}`,
    ),
  ];
  return [
    { lines: create },
    { netns: underlay, lines: underlayLines(plan, ports) },
    ...plan.clusters.flatMap((cluster) => clusterBatches(cluster)),
  ];
}

function clusterPorts({ id, controlPlane, nodes }: ClusterPlan): readonly Port[] {
  return [{ ...controlPlane, port: `c${id}cp` }, ...nodes.map((node) => ({ ...node, port: `c${id}${node.name}` }))]
    .map(({ netns, port, address }) => ({ netns: netns ?? '', port, address }))
    .filter(({ netns }) => netns !== '');
}

function underlayLines(plan: MeshPlan, ports: readonly Port[]): readonly string[] {
  return [
    'link set lo up',
    `link add ${bridge} type bridge forward_delay 0`,
    `addr add ${plan.underlay.address}/${underlayPrefixLength} dev ${bridge}`,
    `link set ${bridge} up`,
    ...ports.map(({ port }) => `link set ${port} master ${bridge} up`),
    ...plan.clusters.flatMap(({ nodes }) => nodes.map(routeToPods)),
  ];
}

/**
 * Nodes have no routable IPv6 address: routes to the pods of another one lead to a link-local one. `nodad` here and
 * below, because an address that waits to be found unique cannot be used yet.
 */
function linkLocal({ address }: { readonly address: string }): string {
  const [, , cluster = '', host = ''] = address.split('.');
  return `fe80::${cluster}:${host}`;
}

/** Pods of the same cluster reach each other by plain routes; other clusters only through the mesh's own datapath. */
function clusterBatches({ controlPlane, nodes, podCidr6 }: ClusterPlan): readonly IpBatch[] {
  const hasIpv6 = podCidr6 !== undefined;
  const member = ({ netns, address }: { netns?: string; address: string }, routes: readonly string[]): IpBatch => ({
    ...(netns === undefined ? {} : { netns }),
    lines: [
      'link set lo up',
      `addr add ${address}/${underlayPrefixLength} dev eth0`,
      ...(hasIpv6 ? [`addr add ${linkLocal({ address })}/64 dev eth0 nodad`] : []),
      'link set eth0 up',
      ...routes,
    ],
  });
  return [
    member(controlPlane, nodes.map(routeToPods)),
    ...nodes.map((node) =>
      member(
        node,
        nodes.filter((other) => other !== node).flatMap((other) => [routeToPods(other), ...routeToPods6(other)]),
      ),
    ),
  ];
}

function routeToPods({ podCidr, address }: NodePlan): string {
  return `route add ${podCidr} via ${address}`;
}

function routeToPods6({ podCidr6, address }: NodePlan): readonly string[] {
  return podCidr6 === undefined ? [] : [`route add ${podCidr6} via ${linkLocal({ address })} dev eth0`];
}

/** One pod's side of the network. */
export interface PodNetwork {
  readonly netns: string;
  readonly nodeNetns: string;
  /** Name of the veth's end in the node's namespace, at most 15 characters. */
  readonly link: string;
  readonly address: string;
  /** IPv6, if the cluster has it. */
  readonly address6?: string;
  /** IPv4, of a pod that stands for several. */
  readonly moreAddresses?: readonly string[];
}

/**
 * The pod has its address as a /32 (/128) and one permanent neighbour, so that it needs no ARP; the node has a route and
 * a permanent neighbour for each of its pods.
 */
export function podBatches(pod: PodNetwork): readonly IpBatch[] {
  const { netns, nodeNetns, link, address, address6, moreAddresses = [] } = pod;
  const nodeMac = macAddress('0e:58', address);
  const podMac = macAddress('0a:58', address);
  return [
    {
      lines: [
        `netns add ${netns}`,
        `link add name eth0 mtu ${podMtu} address ${podMac} netns ${netns} type veth ` +
          `peer name ${link} mtu ${podMtu} address ${nodeMac} netns ${nodeNetns}`,
      ],
    },
    {
      netns,
      lines: [
        'link set lo up',
        ...[address, ...moreAddresses].map((one) => `addr add ${one}/32 dev eth0`),
        'link set eth0 up',
        `neigh add ${podGateway} lladdr ${nodeMac} dev eth0 nud permanent`,
        `route add ${podGateway} dev eth0 scope link`,
        `route add default via ${podGateway} dev eth0 src ${address}`,
        ...(address6 === undefined
          ? []
          : [
              `addr add ${address6}/128 dev eth0 nodad`,
              `neigh add ${podGateway6} lladdr ${nodeMac} dev eth0 nud permanent`,
              `route add default via ${podGateway6} dev eth0 src ${address6}`,
            ]),
      ],
    },
    {
      netns: nodeNetns,
      lines: [
        `link set ${link} up`,
        ...[address, ...moreAddresses].flatMap((one) => [
          `neigh add ${one} lladdr ${podMac} dev ${link} nud permanent`,
          `route add ${one}/32 dev ${link}`,
        ]),
        ...(address6 === undefined
          ? []
          : [
              `neigh add ${address6} lladdr ${podMac} dev ${link} nud permanent`,
              `route add ${address6}/128 dev ${link}`,
            ]),
      ],
    },
  ];
}

/** Locally administered, and readable: its last four bytes are the pod's address. */
function macAddress(prefix: string, address: string): string {
  const bytes = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  return [prefix, ...bytes].join(':');
}
