/** Prints which interface, by name, leads to each of the addresses in its arguments, in the namespace it runs in. */
import { argv, stdout } from 'node:process';
import { parseIp } from '@clustermesh/wire';

import { keyText } from '../../../maps/address.ts';
import { readNetworkTables } from '../network-tables.ts';
import { podInterfacesIn } from '../pod-interfaces.ts';

const addresses = argv.slice(2).map((text) => ({ text, bytes: parseIp(text) ?? new Uint8Array(16) }));
const found = podInterfacesIn(
  await readNetworkTables(),
  addresses.map(({ bytes }) => bytes),
);
const answer = addresses.map(({ text, bytes }) => {
  const pod = found.get(keyText(bytes));
  return [text, pod === undefined ? null : { name: pod.name, mac: Buffer.from(pod.mac).toString('hex') }];
});
stdout.write(JSON.stringify(Object.fromEntries(answer)));
