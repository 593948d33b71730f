import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { objectNames, objectPath as shippedObject } from '@clustermesh/bpf';
import type { ObjectName } from '@clustermesh/bpf';
import { mountBpffs, readMapDefinitions } from '@clustermesh/ebpf';
import type { AttachMethod, BpfMap, MapDefinition, RingBuffer } from '@clustermesh/ebpf';
import type { Logger } from '@clustermesh/runtime';

import { readCounters } from '../../maps/counters.ts';
import type { DatapathCounter } from '../../maps/counters.ts';
import type { DatapathMaps, MapSizes } from '../../maps/datapath-maps.ts';
import { encodeMeta } from '../../maps/meta.ts';
import type { MetaRecord } from '../../maps/meta.ts';
import type { ProgramsStatus } from '../../status/agent-status.ts';
import type { Devices } from '../endpoints/devices.ts';
import type { Sockets } from '../services/sockets.ts';
import { currentAbi } from '../migrate/abi-steps.ts';
import type { Abi } from '../migrate/abi-steps.ts';
import { openMapSet } from '../migrate/map-set.ts';
import type { MapSet, OnAbiMismatch } from '../migrate/map-set.ts';
import { DevicePrograms, deviceObjects } from './device-programs.ts';
import { nodeHooks } from './hooks.ts';
import type { Hook } from './hooks.ts';
import { KernelDevices } from './kernel-devices.ts';
import { KernelSockets } from './kernel-sockets.ts';
import { readNetworkTables } from './network-tables.ts';
import { closeObjects, loadObjects, loadSome, mapsOf } from './objects.ts';
import type { DatapathObjects } from './objects.ts';
import { pinsIn } from './pins.ts';
import type { Pins } from './pins.ts';
import { nameRule } from './pod-like.ts';
import { otherLinks } from './pod-pins.ts';
import { programSettings } from './program-settings.ts';
import type { ProgramSettings } from './program-settings.ts';
import { ensureTunnelDevice } from './tunnel-device.ts';
import type { TunnelDevice } from './tunnel-device.ts';
import { podMtu, tunnelMtu, underlayMtu } from './underlay-mtu.ts';
import type { TunnelMtu } from './underlay-mtu.ts';

export interface KernelDatapathOptions extends ProgramSettings {
  /** A bpffs, mounted here where none is; one per node. */
  readonly bpfFs: string;
  /** Sockets of this cgroup and those below it are balanced. */
  readonly cgroupRoot: string;
  readonly tunnel: TunnelDevice;
  /** How programs are attached to devices. */
  readonly attachMethod: AttachMethod;
  /** Of the underlay; 0: as its devices have it. */
  readonly mtu: number;
  /** Names of pods' interfaces (pod-like.ts). */
  readonly podInterfaces: string;
  readonly sizes: MapSizes;
  /** Recorded beside the maps. */
  readonly agentVersion: string;
  readonly onAbiMismatch: OnAbiMismatch;
  /** Layouts that are known; those of this agent by default. */
  readonly abi?: Abi;
  /** Where the objects lie; the shipped ones by default. */
  readonly objectPath?: (name: ObjectName) => string;
}

/** The maps in the kernel and the programs attached; both stay when the process ends (I7). */
export class KernelDatapath implements Disposable {
  readonly maps: DatapathMaps;
  readonly devices: Devices;
  readonly sockets: Sockets;
  readonly programs: ProgramsStatus;
  /** What the programs tell of flows. */
  readonly events: RingBuffer;
  readonly #parts: Parts;
  readonly #devices: KernelDevices;
  #isInUse = false;

  private constructor(parts: Parts, programs: ProgramsStatus) {
    const { objects, sockets, devices } = parts;
    this.#parts = parts;
    this.maps = mapsOf(objects);
    this.#devices = devices;
    this.devices = devices;
    this.sockets = sockets;
    this.programs = programs;
    this.events = objects.mesh_container.ringBuffer('events');
  }

  /**
   * Loads, takes over the pinned maps or copies them to new ones, and attaches. Nothing that is attached changes before
   * all of that has succeeded. Maps of an unknown layout are refused, or replaced. Where maps have to be filled first,
   * `useMaps` is the caller's to call.
   */
  static async open(options: KernelDatapathOptions, log: Logger, signal: AbortSignal): Promise<KernelDatapath> {
    const { abi = currentAbi, objectPath = shippedObject } = options;
    mountBpffs(options.bpfFs);
    const pins = pinsIn(options.bpfFs);
    const mtu = await readTunnelMtu(options, signal);
    const tunnelIfindex = await ensureTunnelDevice(options.tunnel, podMtu(mtu, options.nodeAddresses), signal);
    using stack = new DisposableStack();
    const wanted = wantedMaps(objectPath, options.sizes);
    const set = stack.use(openMapSet({ ...options, pins, wanted, abi, log }));
    const settings = (size: TunnelMtu) => programSettings(options, { ifindex: tunnelIfindex, mtu: size });
    log.debug({ step: 'load the programs' }, 'migration');
    const load = { pinDir: set.folder, maxEntries: set.sizes, rodata: settings(mtu), objectPath };
    const objects = await loadObjects(load);
    stack.defer(() => closeObjects(objects));
    const sockets = await KernelSockets.open({ ...options, pinDir: set.folder, maxEntries: set.sizes, log });
    stack.defer(() => sockets[Symbol.dispose]?.());
    set.migration?.copy();
    const objectSha256 = sha256(objectPath);
    const { agentVersion } = options;
    writeMeta(objects.mesh_sock.map('meta'), { abiVersion: abi.version, objectSha256, agentVersion });
    const programs = {
      abiVersion: abi.version,
      objectSha256: Buffer.from(objectSha256).toString('hex'),
      attachMethod: options.attachMethod,
      notices: set.notices,
    };
    const attached = stack.use(new DevicePrograms(objects));
    const { cgroupRoot, attachMethod } = options;
    const hooks = nodeHooks(attached, pins, { cgroupRoot, tunnelIfindex, attachMethod });
    const devices = new KernelDevices({
      ...options,
      programs: attached,
      // By then the maps are where they belong, also after a migration.
      load: (size) => loadSome({ ...load, pinDir: pins.maps, rodata: settings(size) }, deviceObjects),
      tunnelHooks: hooks.tunnel,
      pins,
      tunnelDevice: options.tunnel.name,
      tunnelMtu: mtu,
      isPodName: nameRule(options.podInterfaces),
      dropsUnknown: options.policyScope === 'all',
    });
    const held = new DisposableStack();
    const allHooks = [...hooks.sockets, ...hooks.tunnel];
    const datapath = new KernelDatapath(
      { objects, sockets, devices, pins, set, hooks: allHooks, log, stack: held },
      programs,
    );
    if (!set.isUnfilled) datapath.useMaps();
    held.use(stack.move());
    return datapath;
  }

  counters(): readonly DatapathCounter[] {
    return readCounters(this.#parts.objects.mesh_sock.map('metrics'));
  }

  /** Do the programs that are attached use these maps? */
  get isInUse(): boolean {
    return this.#isInUse;
  }

  /** Switches everything that is attached to these maps, link by link, each at once. Idempotent. */
  useMaps(): void {
    if (this.#isInUse) return;
    const { hooks, pins, set, log } = this.#parts;
    for (const hook of hooks) {
      log.debug({ step: `attach ${hook.link}` }, 'migration');
      hook.attach();
    }
    log.debug({ step: 'attach to the pods' }, 'migration');
    this.#devices.start();
    set.migration?.copyMissing();
    set.migration?.commit();
    // What nobody keeps up to date must not go on translating.
    for (const link of otherLinks(pins, new Set(hooks.map((hook) => hook.link)))) {
      log.warn({ link }, 'a hook that this version does not have is detached');
      rmSync(join(pins.links, link), { force: true });
    }
    this.#isInUse = true;
  }

  [Symbol.dispose](): void {
    this.#parts.stack.dispose();
  }
}

interface Parts {
  readonly objects: DatapathObjects;
  readonly sockets: Sockets;
  readonly pins: Pins;
  readonly set: MapSet;
  readonly hooks: readonly Hook[];
  readonly devices: KernelDevices;
  readonly log: Logger;
  readonly stack: DisposableStack;
}

async function readTunnelMtu({ mtu, nodeAddresses }: KernelDatapathOptions, signal: AbortSignal): Promise<TunnelMtu> {
  return tunnelMtu(mtu > 0 ? mtu : underlayMtu(await readNetworkTables(signal), nodeAddresses));
}

type ObjectPath = (name: ObjectName) => string;

/** Objects share maps by name. */
function wantedMaps(objectPath: ObjectPath, maxEntries: MapSizes): ReadonlyMap<string, MapDefinition> {
  return new Map(objectNames.flatMap((name) => [...readMapDefinitions({ path: objectPath(name), maxEntries })]));
}

function sha256(objectPath: ObjectPath): Uint8Array {
  const hash = createHash('sha256');
  for (const name of objectNames) hash.update(readFileSync(objectPath(name)));
  return hash.digest();
}

function writeMeta(meta: BpfMap, record: Omit<MetaRecord, 'bootId'>): void {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
  meta.update(new Uint8Array(4), encodeMeta({ ...record, bootId: Buffer.from(bootId, 'hex') }));
}
