/** The datapath of a node without a control plane; its argument, JSON, says what and where. SIGHUP: look at the pods again. */
import { readFileSync } from 'node:fs';
import process, { argv, stdout } from 'node:process';
import { Health, createLogger, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { parseIp } from '@clustermesh/wire';

import { ChangeSignal } from '../../../change-signal.ts';
import { keyText } from '../../../maps/address.ts';
import type { DatapathMaps } from '../../../maps/datapath-maps.ts';
import { encodePolicyKey, encodePolicyRow, policyDirection } from '../../../maps/policy.ts';
import type { PolicyDirection } from '../../../maps/policy.ts';
import { EndpointProgrammer } from '../../endpoints/endpoint-programmer.ts';
import { KernelDatapath } from '../kernel-datapath.ts';
import type { KernelDatapathOptions } from '../kernel-datapath.ts';

export interface DevicesOrder {
  readonly options: Omit<KernelDatapathOptions, 'nodeAddresses'> & { readonly nodeIp: string };
  /** A file with the identities of pods, JSON, by address. */
  readonly pods: string;
}

const none = new Uint8Array(16);
const { options, pods: podsFile } = JSON.parse(argv[2] ?? '') as DevicesOrder;
const { signal } = new AbortController();
const log = createLogger('test', 'warn');
const nodeAddresses = { ipv4: parseIp(options.nodeIp) ?? none, ipv6: none };
using datapath = await KernelDatapath.open({ ...options, nodeAddresses }, log, signal);
const { devices, maps } = datapath;
const endpoints = new EndpointProgrammer({ byIp: maps.ep_ip, byInterface: maps.ep_if });
datapath.useMaps();
const changes = new ChangeSignal();
process.on('SIGHUP', () => changes.raise());
const watching = devices.watch(() => changes.raise(), { clock, random, health: new Health(clock), log }, signal);
stdout.write('attached\n');
for (;;) {
  await serve();
  await Promise.race([changes.wait(signal), watching]);
}

async function serve(): Promise<void> {
  const identities = JSON.parse(readFileSync(podsFile, 'utf8')) as Record<string, number>;
  const wanted = Object.entries(identities).map(([ip, identity]) => ({ ip, identity, address: parseIp(ip) ?? none }));
  const found = await devices.podInterfaces(
    wanted.map(({ address }) => address),
    signal,
  );
  for (const { identity, address } of wanted) {
    const pod = found.get(keyText(address));
    if (pod === undefined) continue;
    allowEverything(maps, identity);
    endpoints.upsert({ ...pod, identity, address, subject: 0 });
    devices.attachPod(pod);
  }
  devices.keepAttached(new Set([...found.values()].map(({ ifindex }) => ifindex)));
  const served = wanted.filter(({ address }) => found.has(keyText(address))).map(({ ip }) => ip);
  stdout.write(`${JSON.stringify({ served, problems: devices.problems })}\n`);
}

function allowEverything({ policy, policy_len: lengths }: DatapathMaps, subject: number): void {
  for (const direction of Object.keys(policyDirection) as PolicyDirection[]) {
    const key = encodePolicyKey({ subject, remote: 0, direction, bits: 0, length: 0 });
    policy.update(key, encodePolicyRow({ deny: false, rule: 0 }));
    lengths.update(key.subarray(0, 12), Uint8Array.of(1, 0, 0, 0));
  }
}
