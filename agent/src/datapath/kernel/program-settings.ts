import type { ObjectName } from '@clustermesh/bpf';
import { networkNamespaceCookie } from '@clustermesh/ebpf';

import type { NodeAddresses } from '../../config.ts';
import { policyScopes } from '../../policy/policy-state.ts';
import type { PolicyScope } from '../../policy/policy-state.ts';
import type { TunnelMtu } from './underlay-mtu.ts';

export interface ProgramSettings {
  readonly clusterId: number;
  readonly nodeAddresses: NodeAddresses;
  readonly policyScope: PolicyScope;
  /** Flow events a second and CPU. */
  readonly flowEventRate: number;
}

export interface Tunnel {
  readonly ifindex: number;
  readonly mtu: TunnelMtu;
}

/** Constants of the programs, by object (bpf/README.md). */
export function programSettings(
  { clusterId, nodeAddresses, policyScope, flowEventRate }: ProgramSettings,
  { ifindex, mtu }: Tunnel,
): Readonly<Record<ObjectName, Readonly<Record<string, number | Uint8Array>>>> {
  const judging = { policy_scope: policyScopes.indexOf(policyScope), event_rate: flowEventRate };
  return {
    mesh_sock: { host_netns_cookie: Number(networkNamespaceCookie()) },
    mesh_container: {
      ...judging,
      local_cluster_id: clusterId,
      vxlan_ifindex: ifindex,
      local_underlay: nodeAddresses.ipv4,
      local_underlay6: nodeAddresses.ipv6,
      tunnel_mtu: mtu.ipv4,
      tunnel_mtu6: mtu.ipv6,
    },
    mesh_overlay: judging,
  };
}
