/**
 * Asks a DNS server with the resolver of Node (c-ares) and prints what answered as one line of JSON, as requests.mjs.
 * usage: node dns.mjs --address 10.101.0.9 --port 53 --name who. [--requests 30]
 */
import { Resolver } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    address: { type: 'string' },
    port: { type: 'string' },
    name: { type: 'string' },
    requests: { type: 'string', default: '30' },
  },
});
const { address, port, name } = values;
const answers = {};
const failures = {};
let slowestFailureMs = 0;

for (let request = 0; request < Number(values.requests); request++) {
  const began = performance.now();
  // One for each query: a resolver keeps its socket, and with it its server.
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`]);
  try {
    const [[who] = ['']] = await resolver.resolveTxt(name);
    answers[who] = (answers[who] ?? 0) + 1;
  } catch (error) {
    failures[error.code] = (failures[error.code] ?? 0) + 1;
    slowestFailureMs = Math.max(slowestFailureMs, performance.now() - began);
  }
}
console.log(JSON.stringify({ answers, failures, slowestFailureMs }));
