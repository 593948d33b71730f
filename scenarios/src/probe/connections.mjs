/**
 * Tries connections, all at once, and prints a line of JSON that says for each what came of it: `answered`, `silent`
 * (no answer within the patience: where packets are dropped nobody says so), or the code of an error:
 * {"10.2.1.5:8080/TCP":"answered","10.2.1.5/ICMP":"silent"}
 * Without --to it reads targets from its standard input, a line for each round, until that ends.
 * usage: node connections.mjs [--to 10.2.1.5:8080/TCP,[fd00::5]:53/UDP,10.2.1.5/ICMP] [--patience 700]
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { to: { type: 'string' }, patience: { type: 'string', default: '700' } },
});
const patienceMs = Number(values.patience);

if (values.to !== undefined) await look(values.to);
else for await (const line of createInterface({ input: process.stdin })) await look(line);

async function look(targets) {
  const tries = targets.split(',').map(async (target) => [target, await tryOne(target)]);
  console.log(JSON.stringify(Object.fromEntries(await Promise.all(tries))));
}

function tryOne(target) {
  const [place, protocol] = target.split('/');
  if (protocol === 'ICMP') return ping(place);
  const { address, port } = /^\[?(?<address>.+?)\]?:(?<port>\d+)$/.exec(place).groups;
  return protocol === 'UDP' ? tryDatagram(address, Number(port)) : tryConnection(address, Number(port));
}

/** An echo server says who it is as soon as somebody is connected. */
function tryConnection(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => end('silent'), patienceMs);
    const end = (outcome) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    socket.on('error', (error) => end(error.code ?? error.message));
    socket.on('data', () => end('answered'));
    socket.on('end', () => end('closed without an answer'));
  });
}

function tryDatagram(address, port) {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => end('silent'), patienceMs);
    const end = (outcome) => {
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    socket.on('error', (error) => end(error.code ?? error.message));
    socket.on('message', () => end('answered'));
    socket.connect(port, address, () => socket.send('who'));
  });
}

function ping(address) {
  return new Promise((resolve, reject) => {
    const child = spawn('ping', ['-n', '-c', '1', '-W', String(patienceMs / 1_000), address]);
    let said = '';
    child.on('error', reject);
    child.stdout.on('data', (chunk) => (said += chunk));
    child.on('close', (code) =>
      resolve(code === 0 ? 'answered' : /unreachable/i.test(said) ? 'unreachable' : 'silent'),
    );
  });
}
