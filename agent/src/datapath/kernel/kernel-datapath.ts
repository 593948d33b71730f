import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { objectNames, objectPath } from '@clustermesh/bpf';
import { mountBpffs } from '@clustermesh/ebpf';
import type { BpfMap } from '@clustermesh/ebpf';
import { describeError, hasCode } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';

import type { DatapathMaps, MapSizes } from '../../maps/datapath-maps.ts';
import { abiVersion, decodeMeta, encodeMeta } from '../../maps/meta.ts';
import type { Devices } from '../devices.ts';
import { nodeHooks, podProgram } from './hooks.ts';
import { KernelDevices } from './kernel-devices.ts';
import { closeObjects, loadObjects, mapsOf } from './objects.ts';
import type { DatapathObjects } from './objects.ts';
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
  /** Recorded beside the maps. */
  readonly agentVersion: string;
}

/** The maps in the kernel and the programs attached; both stay when the process ends (I7). */
export class KernelDatapath implements Disposable {
  readonly maps: DatapathMaps;
  readonly devices: Devices;
  readonly #objects: DatapathObjects;

  private constructor(objects: DatapathObjects, pins: Pins) {
    this.#objects = objects;
    this.maps = mapsOf(objects);
    this.devices = new KernelDevices(objects[podProgram.object].program(podProgram.program), pins);
  }

  /** Loads, takes over pinned maps of the same layout, and attaches everything but the pods' programs. */
  static async open(options: KernelDatapathOptions, log: Logger, signal: AbortSignal): Promise<KernelDatapath> {
    const { bpfFs, cgroupRoot, tunnel } = options;
    mountBpffs(bpfFs);
    const pins = pinsIn(bpfFs);
    const tunnelIfindex = await ensureTunnelDevice(tunnel, signal);
    const objects = loadOrGiveUp(options, pins, tunnelIfindex, log);
    writeMeta(objects.mesh_sock.map('meta'), options.agentVersion);
    for (const hook of nodeHooks(objects, pins, { cgroupRoot, tunnelIfindex })) hook.attach();
    return new KernelDatapath(objects, pins);
  }

  [Symbol.dispose](): void {
    closeObjects(this.#objects);
  }
}

/** Pinned maps of another layout or size cannot be taken over: then the maps start empty. */
function loadOrGiveUp(options: KernelDatapathOptions, pins: Pins, tunnelIfindex: number, log: Logger): DatapathObjects {
  const container = {
    local_cluster_id: options.clusterId,
    vxlan_ifindex: tunnelIfindex,
    local_underlay: options.nodeAddress,
  };
  const load = (): DatapathObjects =>
    loadObjects({ pinDir: pins.maps, maxEntries: options.sizes, rodata: { mesh_container: container } });
  try {
    const objects = load();
    if (isOurLayout(objects.mesh_sock.map('meta'))) return objects;
    closeObjects(objects);
    log.warn({ abiVersion }, 'maps of another layout are given up');
  } catch (error) {
    if (!hasCode(error, 'BPF_LOAD_FAILED')) throw error;
    log.warn({ reason: describeError(error) }, 'maps of another layout or size are given up');
  }
  removePins(pins.maps);
  return load();
}

const metaKey = new Uint8Array(4);

/** A fresh map says 0. */
function isOurLayout(meta: BpfMap): boolean {
  const value = meta.lookup(metaKey);
  const found = value === undefined ? 0 : decodeMeta(value).abiVersion;
  return found === 0 || found === abiVersion;
}

function writeMeta(meta: BpfMap, agentVersion: string): void {
  const hash = createHash('sha256');
  for (const name of objectNames) hash.update(readFileSync(objectPath(name)));
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
  meta.update(
    metaKey,
    encodeMeta({ abiVersion, objectSha256: hash.digest(), bootId: Buffer.from(bootId, 'hex'), agentVersion }),
  );
}
