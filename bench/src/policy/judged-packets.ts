/** The program at a pod's interface, judging packets that nobody sends, with few and with many rows. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import {
  PolicyProgrammer,
  encodeEndpoint,
  encodeHostKey,
  encodeIpcacheValue,
  hostKeyLayout,
  ipcacheValueLayout,
} from '@clustermesh/agent';
import { objectPath } from '@clustermesh/bpf';
import { loadObject, mountBpffs, testRun } from '@clustermesh/ebpf';
import type { LoadedObject } from '@clustermesh/ebpf';
import { seededRandom } from '@clustermesh/runtime';

import { serve } from '../../floors/serve.ts';
import type { PacketCosts } from './policy-rounds.ts';
import { policyRows, portOf, portsEach, remoteOf, rowCounts, shapeOf, subjectOf } from './policy-rows.ts';
import type { RowCount } from './policy-rows.ts';
import { skbContext, udpPacket } from './udp-packet.ts';

const pods = 10;
const addresses = 10_000;
/** Flows that take turns: their entries and those of what they need do not fit into the processor's nearest caches. */
const flowCount = 4_096;
const flowsOfARun = 512;
const warmFlows = 16;
const warmRepeats = 1_000;
const loopback = 1;
const tcxNext = -1;
const policyScopeAll = 2;
const maxEntries = {
  ...{ policy: 131_072, policy_len: 131_072, ipc_host: 16_384, ct: 16_384, frag: 64 },
  ...{ ep_ip: 64, ep_if: 64, ipc_cidr: 64, node: 64 },
};

interface Judge {
  readonly object: LoadedObject;
  /** The next of the flows, which all judges get in the same order. */
  next: number;
}

const judges = new Map<RowCount, Judge>();
const random = seededRandom(1);
const pick = (count: number): number => Math.floor(random.next() * count);
const flows = Array.from({ length: flowCount }, (_, number) => ({
  source: remoteAddress(pick(addresses)),
  destination: podAddress(pick(pods)),
  sourcePort: 40_000 + (number % 20_000),
  destinationPort: portOf(pick(portsEach)),
}));
const packets = flows.map(udpPacket);
const context = skbContext(loopback);

const answers = {
  open: async ({ dir }: { readonly dir: string }): Promise<string> => {
    for (const rows of rowCounts) {
      const bpffs = join(dir, `packets-${rows}`);
      await mkdir(bpffs, { recursive: true });
      mountBpffs(bpffs);
      const object = loadObject({
        path: objectPath('mesh_container'),
        pinDir: join(bpffs, 'maps'),
        maxEntries,
        rodata: { policy_scope: policyScopeAll, local_cluster_id: 1, vxlan_ifindex: loopback },
      });
      fill(object, rows);
      const judge = { object, next: 0 };
      for (let flow = 0; flow < flowCount; flow++) judgeOne(judge, 1);
      judges.set(rows, judge);
    }
    return `${flowCount} flows of ${addresses} addresses to ${pods} pods, judged with ${rowCounts.join(', ')} rows`;
  },

  /** Nanoseconds a packet, of each packet. */
  run: ({ rows }: { readonly rows: RowCount }): PacketCosts => {
    const judge = judges.get(rows);
    if (judge === undefined) throw new TypeError(`nobody judges with ${rows} rows`);
    const cold = Array.from({ length: flowsOfARun }, () => judgeOne(judge, 1));
    const warm = Array.from({ length: warmFlows }, () => judgeOne(judge, warmRepeats));
    return { cold, warm };
  },
};
export type JudgedPackets = typeof answers;

function judgeOne(judge: Judge, repeat: number): number {
  const data = packets[judge.next];
  judge.next = (judge.next + 1) % flowCount;
  if (data === undefined) throw new TypeError('there is no such flow');
  const { verdict, durationNs } = testRun({
    program: judge.object.program('mesh_to_container'),
    data,
    context,
    repeat,
  });
  if (verdict !== tcxNext) throw new Error(`a packet that is allowed was answered by ${verdict}`);
  return durationNs;
}

/** Pods at one interface, addresses that are somebody, and the rows. */
function fill(object: LoadedObject, rows: RowCount): void {
  const shape = shapeOf(rows);
  for (let pod = 0; pod < pods; pod++) {
    const address = podAddress(pod);
    const nobody = { endpointId: 0, mac: new Uint8Array(6), hostMac: new Uint8Array(6), subject: 0 };
    const endpoint = { ...nobody, ifindex: loopback, identity: subjectOf(pod, shape), address };
    object.map('ep_ip').update(address, encodeEndpoint(endpoint));
  }
  for (let number = 0; number < addresses; number++) {
    const key = new Uint8Array(hostKeyLayout.size);
    const value = new Uint8Array(ipcacheValueLayout.size);
    encodeHostKey(remoteAddress(number), key);
    encodeIpcacheValue({ identity: remoteOf(number, shape), nodeIndex: 0, flags: 0 }, value);
    object.map('ipc_host').update(key, value);
  }
  const programmer = new PolicyProgrammer({ rows: object.map('policy'), lengths: object.map('policy_len') });
  programmer.apply([...policyRows(rows)]);
  for (let pod = 0; pod < pods; pod++) programmer.markReady(subjectOf(pod, shape));
}

function podAddress(number: number): Uint8Array {
  return ipv4(10, 1, 0, 1 + number);
}

function remoteAddress(number: number): Uint8Array {
  return ipv4(10, 2, number >>> 8, number & 0xff);
}

/** v4-mapped. */
function ipv4(...octets: readonly number[]): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets]);
}

serve(answers);
