import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { KernelMap, attachDevice, inNetworkNamespace, loadObject } from '@clustermesh/ebpf';
import type { AttachMethod, BpfMap, DeviceHook, ObjectOptions } from '@clustermesh/ebpf';
import { objectPath } from '@clustermesh/bpf';
import { TestNetns } from '@clustermesh/testkit';
import { smallMaps, testObject } from './kernel.ts';
import { address, endpoint, hostKey, ipcacheEntry, node, u32 } from './records.ts';

export interface MeshNodeOptions {
  readonly name: string;
  readonly bpffs: string;
  readonly clusterId: number;
  readonly underlay: string;
  readonly podIp: string;
  /** Default: none. */
  readonly podIp6?: string;
  readonly podIdentity: number;
  /** Default: what leaves room for what VXLAN adds on a 1500-byte underlay. */
  readonly podMtu?: number;
}

interface AttachOptions {
  readonly method?: AttachMethod;
  /** 0: policy judges nobody's traffic; 1: what crosses clusters; 2: all of the pods'. */
  readonly policyScope?: 0 | 1 | 2;
  /** Largest packet of a pod that the tunnel takes; default: any. */
  readonly tunnelMtu?: number;
}

const podGateway = '169.254.1.1';
const podGateway6 = 'fe80::1';
/** Room for what VXLAN adds on a 1500-byte underlay: 50 bytes over IPv4, 70 over IPv6. */
const defaultPodMtu = 1430;

/** A node with one pod: namespaces, devices, and what an agent does once for each. */
export class MeshNode implements Disposable {
  readonly options: MeshNodeOptions;
  readonly netns: TestNetns;
  readonly pod: TestNetns;
  readonly #maps = new Map<string, KernelMap>();

  constructor(options: MeshNodeOptions) {
    this.options = options;
    this.netns = new TestNetns(options.name);
    this.pod = new TestNetns(`${options.name}-pod`);
    this.netns.ip(`link add vxlan0 mtu ${this.podMtu} type vxlan external dstport 8472 nolearning`);
    this.netns.ip('link set vxlan0 up');
    this.addPodDevice();
  }

  /** The pod's only neighbour is its gateway, and that is the host side of its veth. */
  addPodDevice(): void {
    const { netns, pod } = this;
    netns.ip(`link add pod0 mtu ${this.podMtu} type veth peer name eth0 mtu ${this.podMtu} netns ${pod.name}`);
    netns.ip('link set pod0 up');
    netns.ip(`route add ${this.options.podIp}/32 dev pod0`);
    pod.ip(`addr add ${this.options.podIp}/32 dev eth0`);
    pod.ip('link set eth0 up');
    pod.ip(`route add ${podGateway} dev eth0 scope link`);
    pod.ip(`route add default via ${podGateway} dev eth0`);
    pod.ip(`neigh add ${podGateway} lladdr ${netns.device('pod0').mac} dev eth0 nud permanent`);
    if (this.options.podIp6 !== undefined) this.addPodAddress6(this.options.podIp6);
  }

  /** Its gateway's Ethernet address the pod asks for, as it would with another CNI: neighbour discovery. */
  private addPodAddress6(podIp6: string): void {
    const { netns, pod } = this;
    netns.ip(`addr add ${podGateway6}/64 dev pod0 nodad`);
    netns.ip(`route add ${podIp6}/128 dev pod0`);
    pod.ip(`addr add ${podIp6}/128 dev eth0 nodad`);
    pod.ip(`route add default via ${podGateway6} dev eth0`);
  }

  private get podMtu(): number {
    return this.options.podMtu ?? defaultPodMtu;
  }

  get podIps(): readonly string[] {
    const { podIp, podIp6 } = this.options;
    return podIp6 === undefined ? [podIp] : [podIp, podIp6];
  }

  /** Attaches the programs, as a process of its own would, and registers the pod. */
  attach({ method = 'tcx', policyScope = 0, tunnelMtu = 0 }: AttachOptions = {}): void {
    const container = {
      local_cluster_id: this.options.clusterId,
      vxlan_ifindex: this.netns.device('vxlan0').ifindex,
      policy_scope: policyScope,
      tunnel_mtu: tunnelMtu,
      tunnel_mtu6: tunnelMtu,
      [this.options.underlay.includes(':') ? 'local_underlay6' : 'local_underlay']: address(this.options.underlay),
    };
    const overlay = { policy_scope: policyScope };
    this.load({ path: objectPath('mesh_overlay'), rodata: overlay, method }, [
      { program: 'mesh_from_overlay', device: 'vxlan0', direction: 'ingress' },
    ]);
    this.load({ path: objectPath('mesh_container'), rodata: container, method }, [
      { program: 'mesh_from_container', device: 'pod0', direction: 'ingress' },
      { program: 'mesh_to_container', device: 'pod0', direction: 'egress' },
    ]);
    const host = this.netns.device('pod0');
    for (const ip of this.podIps) {
      const row = endpoint({
        ifindex: host.ifindex,
        identity: this.options.podIdentity,
        ip,
        mac: this.pod.device('eth0').mac,
        hostMac: host.mac,
      });
      this.map('ep_if').update(u32(host.ifindex), row);
      this.map('ep_ip').update(address(ip), row);
    }
  }

  /** A stand-in CNI whose policy lets nothing out of the pod. */
  attachDroppingCni(): void {
    const path = testObject('container');
    this.load({ path, method: 'tcx' }, [{ program: 'test_drop_all', device: 'pod0', direction: 'ingress' }]);
  }

  /** A stand-in CNI with policy for both directions (cni.bpf.c), in front of what is there; one that was is gone. */
  attachCni(method: AttachMethod): void {
    if (method === 'clsact') {
      this.attachCniFilters();
      return;
    }
    for (const direction of ['ingress', 'egress'] as const) {
      this.load({ path: testObject('cni'), method }, [{ program: 'cni_policy', device: 'pod0', direction }]);
    }
  }

  /** Of the priority that ours have too: the newest comes first. */
  private attachCniFilters(): void {
    const tc = (args: string): void => {
      const [file = '', ...rest] = this.netns.command(['tc', ...args.split(' ')]);
      execFileSync(file, rest);
    };
    tc('qdisc replace dev pod0 clsact');
    for (const direction of ['ingress', 'egress']) {
      const filter = `dev pod0 ${direction} prio 1 protocol all handle 1 bpf`;
      if (this.filtersAt(direction).includes('handle 0x1 ')) tc(`filter del ${filter}`);
      tc(`filter add ${filter} direct-action object-file ${testObject('cni')} section tc`);
    }
  }

  private filtersAt(direction: string): string {
    const [file = '', ...args] = this.netns.command(['tc', 'filter', 'show', 'dev', 'pod0', direction]);
    return execFileSync(file, args, { encoding: 'utf8' });
  }

  /** Tells this node where another one and its pod are. */
  learn(other: MeshNode, nodeIndex: number): void {
    const { underlay, clusterId, podIdentity } = other.options;
    this.map('node').update(u32(nodeIndex), node(underlay, clusterId));
    this.map('node_ip').update(address(underlay), u32(nodeIndex));
    for (const ip of other.podIps) this.map('ipc_host').update(hostKey(ip), ipcacheEntry(podIdentity, nodeIndex));
  }

  map(name: string): BpfMap {
    const known = this.#maps.get(name);
    if (known !== undefined) return known;
    const opened = KernelMap.openPinned(name, join(this.pinDir, name));
    this.#maps.set(name, opened);
    return opened;
  }

  get pinDir(): string {
    return join(this.options.bpffs, this.options.name, 'maps');
  }

  [Symbol.dispose](): void {
    for (const map of this.#maps.values()) map.close();
    this.pod[Symbol.dispose]();
    this.netns[Symbol.dispose]();
  }

  /** Programs of one object, as an instance of their own, at devices of the node. */
  private load(
    { method, path, rodata = {} }: Pick<ObjectOptions, 'path' | 'rodata'> & { readonly method: AttachMethod },
    hooks: readonly (Pick<DeviceHook, 'direction'> & { readonly program: string; readonly device: string })[],
  ): void {
    using loaded = loadObject({ path, rodata, pinDir: this.pinDir, maxEntries: smallMaps });
    for (const { program, device, direction } of hooks) {
      const pinPath = join(this.options.bpffs, this.options.name, 'links', `${program}_${direction}`);
      const { ifindex } = this.netns.device(device);
      const options = { method, program: loaded.program(program), ifindex, direction, pinPath };
      inNetworkNamespace(this.netns.path, () => attachDevice(options));
    }
  }
}
