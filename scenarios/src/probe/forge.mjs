/**
 * Sends UDP datagrams that bear somebody else's address, and prints how many: {"sent":20}
 * From a pod's own interface the address is made one of the pod for that time. Through --tunnel, from a node, whole
 * packets are written into VXLAN with any --vni, if need be from an address that no node has (--outer). Needs the rights
 * of NET_ADMIN, and `ip`.
 * usage: node forge.mjs --source 10.1.1.5 --to 10.2.1.6 --port 9999 --token abc [--count 20]
 *   [--tunnel 172.30.2.11 --vni 65540 [--outer 172.30.9.9]]
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values } = parseArgs({
  options: {
    ...{ source: text, to: text, port: text, token: text, tunnel: text, vni: text, outer: text },
    count: { ...text, default: '20' },
  },
});
const tunnelPort = 8472;
const intervalMs = 5;
const payload = Buffer.from(values.token);

if (values.tunnel === undefined) await sendFrom(values.source, 'lo', payload, Number(values.port), values.to);
else await sendFrom(values.outer, 'eth0', vxlan(), tunnelPort, values.tunnel);
console.log(JSON.stringify({ sent: Number(values.count) }));

/** From an address that is ours only while we send; undefined: from the one that the routes say. */
async function sendFrom(address, device, packet, port, to) {
  const borrow = (what) => execFileSync('ip', ['addr', what, prefixOf(address), 'dev', device, ...noDad(what)]);
  const socket = createSocket(isIPv6(to) ? 'udp6' : 'udp4');
  if (address !== undefined) borrow('add');
  try {
    await new Promise((resolve) => socket.bind(0, address, resolve));
    for (let left = Number(values.count); left > 0; left--) {
      await new Promise((resolve, reject) =>
        socket.send(packet, port, to, (error) => (error ? reject(error) : resolve())),
      );
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
    }
  } finally {
    socket.close();
    if (address !== undefined) borrow('del');
  }

  function noDad(what) {
    return what === 'add' && isIPv6(address) ? ['nodad'] : [];
  }
}

function prefixOf(address) {
  return `${address}/${isIPv6(address) ? 128 : 32}`;
}

/** Flags and VNI (RFC 7348), Ethernet, IPv4, UDP. */
function vxlan() {
  const header = Buffer.alloc(8);
  header.writeUInt8(0x08, 0);
  header.writeUInt32BE(Number(values.vni) * 256, 4);
  const ethernet = Buffer.from('0a00000000020a00000000010800', 'hex');
  return Buffer.concat([header, ethernet, ipv4()]);
}

function ipv4() {
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(40_000, 0);
  udp.writeUInt16BE(Number(values.port), 2);
  udp.writeUInt16BE(udp.length + payload.length, 4); // the checksum stays 0: none
  const header = Buffer.from('45000000000040004011000000000000' + '00000000', 'hex');
  header.writeUInt16BE(header.length + udp.length + payload.length, 2);
  Buffer.from([...values.source.split('.'), ...values.to.split('.')].map(Number)).copy(header, 12);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, udp, payload]);
}

function checksum(bytes) {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xff_ff) sum = (sum & 0xff_ff) + (sum >>> 16);
  return ~sum & 0xff_ff;
}
