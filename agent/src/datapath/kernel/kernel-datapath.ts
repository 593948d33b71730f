import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { objectPath } from '@clustermesh/bpf';
import type { ObjectName } from '@clustermesh/bpf';
import { attachCgroup, attachTcx, loadObject, mountBpffs } from '@clustermesh/ebpf';
import type { BpfMap, LoadedObject } from '@clustermesh/ebpf';
import { describeError, hasCode } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';

import type { DatapathMaps, MapSizes } from '../../maps/datapath-maps.ts';
import { abiVersion, decodeMeta, encodeMeta } from '../../maps/meta.ts';
import type { Devices } from '../devices.ts';
import { KernelDevices } from './kernel-devices.ts';
import { pinsIn, removePins } from './pins.ts';
import type { Pins } from './pins.ts';
import { ensureTunnelDevice } from './tunnel-device.ts';
import type { TunnelDevice } from './tunnel-device.ts';

export interface KernelDatapathOptions {
  /** A bpffs, mounted here where none is; one per node. */
  readonly bpfFs: string;
  /** Sockets of this cgroup and those below it are balanced. */
  readonly cgroupRoot: string;
  readonly tunnel: TunnelDevice;
  readonly clusterId: number;
  /** This node's address as others know it, 16 bytes; all zero lets the routing table choose. */
  readonly nodeAddress: Uint8Array;
  readonly sizes: MapSizes;
}

interface Objects {
  readonly sock: LoadedObject;
  readonly container: LoadedObject;
  readonly overlay: LoadedObject;
}

/** The maps in the kernel and the programs attached; both stay when the process ends (I7). */
export class KernelDatapath implements Disposable {
  readonly maps: DatapathMaps;
  readonly devices: Devices;
  readonly #objects: Objects;

  private constructor(objects: Objects, pins: Pins) {
    const { sock, container, overlay } = objects;
    this.#objects = objects;
    this.maps = {
      svc: sock.map('svc'),
      slot: sock.mappedArray('slot'),
      backend: sock.mappedArray('backend'),
      node: container.mappedArray('node'),
      ipc_host: container.map('ipc_host'),
      ipc_cidr: container.map('ipc_cidr'),
      ep_if: container.map('ep_if'),
      ep_ip: overlay.map('ep_ip'),
    };
    this.devices = new KernelDevices(container.program('mesh_from_container'), pins);
  }

  /** Loads, takes over pinned maps of the same layout, and attaches everything but the pods' programs. */
  static async open(options: KernelDatapathOptions, log: Logger, signal: AbortSignal): Promise<KernelDatapath> {
    const { bpfFs, cgroupRoot, tunnel } = options;
    mountBpffs(bpfFs);
    const pins = pinsIn(bpfFs);
    const tunnelIfindex = await ensureTunnelDevice(tunnel, signal);
    const objects = loadObjects(options, pins, tunnelIfindex, log);
    writeMeta(objects.sock.map('meta'));
    attachCgroup({
      program: objects.sock.program('mesh_connect4'),
      pinPath: join(pins.links, 'connect4'),
      cgroupPath: cgroupRoot,
      attachType: 'connect4',
    });
    attachTcx({
      program: objects.overlay.program('mesh_from_overlay'),
      pinPath: join(pins.links, 'from_overlay'),
      ifindex: tunnelIfindex,
      direction: 'ingress',
    });
    return new KernelDatapath(objects, pins);
  }

  [Symbol.dispose](): void {
    closeAll(this.#objects);
  }
}

/** Pinned maps of another layout or size cannot be taken over: then the maps start empty. */
function loadObjects(options: KernelDatapathOptions, pins: Pins, tunnelIfindex: number, log: Logger): Objects {
  const load = (): Objects => {
    const common = { pinDir: pins.maps, maxEntries: options.sizes };
    const rodata = {
      local_cluster_id: options.clusterId,
      vxlan_ifindex: tunnelIfindex,
      local_underlay: options.nodeAddress,
    };
    using stack = new DisposableStack();
    const objects = {
      sock: stack.use(loadObject({ ...common, path: objectPath('mesh_sock') })),
      container: stack.use(loadObject({ ...common, path: objectPath('mesh_container'), rodata })),
      overlay: stack.use(loadObject({ ...common, path: objectPath('mesh_overlay') })),
    };
    stack.move();
    return objects;
  };
  try {
    const objects = load();
    if (isOurLayout(objects.sock.map('meta'))) return objects;
    closeAll(objects);
    log.warn({ abiVersion }, 'maps of another layout are given up');
  } catch (error) {
    if (!hasCode(error, 'BPF_LOAD_FAILED')) throw error;
    log.warn({ reason: describeError(error) }, 'maps of another layout or size are given up');
  }
  removePins(pins.maps);
  return load();
}

function closeAll({ sock, container, overlay }: Objects): void {
  for (const object of [sock, container, overlay]) object.close();
}

const metaKey = new Uint8Array(4);

/** A fresh map says 0. */
function isOurLayout(meta: BpfMap): boolean {
  const value = meta.lookup(metaKey);
  const found = value === undefined ? 0 : decodeMeta(value).abiVersion;
  return found === 0 || found === abiVersion;
}

function writeMeta(meta: BpfMap): void {
  const names: readonly ObjectName[] = ['mesh_sock', 'mesh_container', 'mesh_overlay'];
  const hash = createHash('sha256');
  for (const name of names) hash.update(readFileSync(objectPath(name)));
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
  meta.update(metaKey, encodeMeta({ abiVersion, objectSha256: hash.digest(), bootId: Buffer.from(bootId, 'hex') }));
}
