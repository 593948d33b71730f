import { probeKernel } from '@clustermesh/ebpf';
import type { AttachMethod, Probe } from '@clustermesh/ebpf';
import { MeshError } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';

import type { AgentConfig } from '../config.ts';
import type { FlowSource } from '../flows/flows.ts';
import { eventLost } from '../maps/counters.ts';
import type { DatapathCounter } from '../maps/counters.ts';
import { memoryDatapathMaps } from '../maps/datapath-maps.ts';
import type { DatapathMaps } from '../maps/datapath-maps.ts';
import type { DatapathMode } from '../status/agent-status.ts';
import { packageVersion } from '../package-version.ts';
import { noDevices } from './endpoints/devices.ts';
import type { Devices } from './endpoints/devices.ts';
import { KernelDatapath } from './kernel/kernel-datapath.ts';
import { noSockets } from './services/sockets.ts';
import type { Sockets } from './services/sockets.ts';

export interface OpenedDatapath extends Disposable {
  readonly mode: DatapathMode;
  readonly maps: DatapathMaps;
  readonly devices: Devices;
  readonly sockets: Sockets;
  readonly counters?: () => readonly DatapathCounter[];
  /** What the programs tell of flows. */
  readonly flowSource?: FlowSource;
  /** Where programs do not use the maps yet: makes them, once these are filled. */
  readonly useMaps?: () => void;
}

/** The kernel's datapath, or one in memory: the same code above it, and it says so. */
export async function openDatapath(config: AgentConfig, log: Logger, signal: AbortSignal): Promise<OpenedDatapath> {
  const reason = whyNotKernel(config);
  if (reason !== undefined) {
    log.warn({ reason }, 'the maps are in memory: no packet is touched');
    const dispose = (): void => undefined;
    const maps = memoryDatapathMaps(config.sizes);
    return {
      mode: { mode: 'memory', reason },
      maps,
      devices: noDevices,
      sockets: noSockets,
      [Symbol.dispose]: dispose,
    };
  }
  const probe = probeKernel();
  const attachMethod = chooseAttachMethod(config.tcAttach, probe);
  const cgroupRoot = config.cgroupRoot === '' ? (probe.cgroup2 ?? '') : config.cgroupRoot;
  const kernel = await KernelDatapath.open(
    {
      bpfFs: config.bpfFs,
      cgroupRoot,
      tunnel: { name: config.tunnelDevice, port: config.tunnelPort },
      attachMethod,
      clusterId: config.clusterId,
      policyScope: config.policyScope,
      flowEventRate: config.flowEventRate,
      nodeAddresses: config.nodeAddresses,
      mtu: config.mtu,
      podInterfaces: config.podInterfaces,
      sizes: config.sizes,
      agentVersion: packageVersion(),
      onAbiMismatch: config.onAbiMismatch,
    },
    log,
    signal,
  );
  log.info(
    { bpfFs: config.bpfFs, cgroupRoot, tunnelDevice: config.tunnelDevice, attachMethod },
    kernel.isInUse ? 'programs attached' : 'programs loaded',
  );
  const { maps, devices, sockets, programs } = kernel;
  return {
    mode: { mode: 'ebpf', reason: '', programs },
    maps,
    devices,
    sockets,
    counters: () => kernel.counters(),
    flowSource: {
      ring: kernel.events,
      nowNs: () => process.hrtime.bigint(),
      lost: () => lostEvents(kernel.counters()),
    },
    ...(kernel.isInUse ? {} : { useMaps: () => kernel.useMaps() }),
    [Symbol.dispose]: () => kernel[Symbol.dispose](),
  };
}

function chooseAttachMethod(wanted: AgentConfig['tcAttach'], probe: Probe): AttachMethod {
  if (wanted === 'tcx' && probe.attachMethod !== 'tcx') {
    throw new MeshError('BPF_UNSUPPORTED', 'attach programs by tcx: that takes kernel 6.6 (--tc-attach=auto)');
  }
  return wanted === 'auto' ? probe.attachMethod : wanted;
}

function whyNotKernel({ datapath }: AgentConfig): string | undefined {
  if (datapath === 'memory') return 'so configured';
  const { usable, missing } = probeKernel();
  if (usable) return undefined;
  const reason = `this machine lacks ${missing.join(', ')}`;
  if (datapath === 'ebpf') throw new MeshError('BPF_UNSUPPORTED', `run the datapath in the kernel: ${reason}`);
  return reason;
}

function lostEvents(counters: readonly DatapathCounter[]): number {
  const lost = counters.filter(({ reason }) => reason === eventLost);
  return lost.reduce((sum, { count }) => sum + count, 0);
}
