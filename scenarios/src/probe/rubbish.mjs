/**
 * Writes into a cluster's own etcd what no honest publisher writes, with the certificate of its administrator; then
 * floods it with changes, and ends, at the latest with its standard input. Prints what it has written as a line of JSON,
 * before the flood and at its end: {"written":{"wrong-cluster":1,"rejected":100000,"flood":30000},"seconds":41.4}
 * With --remove it deletes all of it.
 * usage: node rubbish.mjs --endpoint https://10.0.0.1:2379 --cluster north --id 2 --ca B64 --cert B64 --key B64
 *   [--steal 10.1.0.5,…] [--rejected 100000] [--perSecond 1000] [--seconds 30] [--valueBytes 1572200] [--remove true]
 */
import { connect } from 'node:http2';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values } = parseArgs({
  options: {
    ...{ endpoint: text, cluster: text, id: text, ca: text, cert: text, key: text, steal: { ...text, default: '' } },
    rejected: { ...text, default: '100000' },
    perSecond: { ...text, default: '1000' },
    seconds: { ...text, default: '30' },
    valueBytes: { ...text, default: '1572200' },
    remove: { ...text, default: 'false' },
  },
});
const { cluster } = values;
const id = Number(values.id);
const services = `cilium/state/services/v1/${cluster}/rubbish`;
const started = performance.now();
const written = {};

const session = connect(values.endpoint, {
  ca: pem(values.ca),
  cert: pem(values.cert),
  key: pem(values.key),
  servername: 'localhost',
});
session.on('error', fail);
process.stdin.resume().on('end', () => process.exit());
if (values.remove === 'true') await removeAll();
else await writeAll();
report();
process.exit();

function report() {
  const seconds = Number(((performance.now() - started) / 1_000).toFixed(1));
  process.stdout.write(`${JSON.stringify({ written, seconds })}\n`);
}

async function writeAll() {
  const oddities = [
    ['wrong-cluster', `${services}/stranger`, service({ cluster: 'elsewhere', name: 'stranger' })],
    ['wrong-id', `${services}/misnumbered`, service({ clusterID: 99, name: 'misnumbered' })],
    ['wrong-name', `${services}/misnamed`, service({ name: 'another' })],
    [
      'identity-out-of-range',
      `cilium/state/identities/v1/id/${9 << 16}`,
      `k8s:io.cilium.k8s.policy.cluster=${cluster};`,
    ],
    ['node-of-another', `cilium/state/nodes/v1/${cluster}/n`, '{"Name":"n","Cluster":"elsewhere","ClusterID":99}'],
    ['deep-json', `${services}/deep`, `{"labels":${'['.repeat(50_000)}`],
    ['proto', `${services}/__proto__`, '{"__proto__":{"cluster":"x"},"constructor":{"prototype":{"polluted":1}}}'],
    [
      'proto',
      `cilium/state/services/v1/${cluster}/__proto__/constructor`,
      service({ namespace: '__proto__', name: 'x' }),
    ],
    ['invalid-utf8', Buffer.from(`${services}/\xff\xfe\x00`, 'latin1'), service({ name: 'x' })],
    ['invalid-utf8', `${services}/bytes`, Buffer.from('{"cluster":"\xff\xfe"}', 'latin1')],
    ['too-large', `${services}/large`, Buffer.alloc(Number(values.valueBytes), 'x')],
    ...values.steal.split(',').flatMap((address) => (address === '' ? [] : [stolen(address)])),
  ];
  for (const [kind, key, value] of oddities) {
    await transaction([put(key, value)]);
    written[kind] = (written[kind] ?? 0) + 1;
  }
  written.rejected = await writeRejected(Number(values.rejected));
  report();
  written.flood = await flood(Number(values.perSecond), Number(values.seconds));
}

async function removeAll() {
  const prefixes = [`${services}/`, `cilium/state/services/v1/${cluster}/__proto__/`];
  const keys = [
    `cilium/state/identities/v1/id/${9 << 16}`,
    `cilium/state/nodes/v1/${cluster}/n`,
    ...values.steal.split(',').map((address) => `cilium/state/ip/v1/default/${address}`),
  ];
  await transaction([...prefixes.map((prefix) => remove(prefix, true)), ...keys.map((key) => remove(key, false))]);
}

/** An address of another cluster, with an identity of ours. */
function stolen(address) {
  const value = { IP: address, Mask: null, HostIP: '192.0.2.1', ID: (id << 16) + 1, Key: 0, Metadata: '' };
  return ['stolen-address', `cilium/state/ip/v1/default/${address}`, JSON.stringify(value)];
}

/** Many entries that all lie about their cluster. */
async function writeRejected(count) {
  for (let at = 0; at < count; at += 128) {
    const batch = Array.from({ length: Math.min(128, count - at) }, (_, index) => {
      const name = `r${at + index}`;
      return put(`${services}/${name}`, `{"cluster":"elsewhere","namespace":"rubbish","name":"${name}"}`);
    });
    await transaction(batch);
  }
  return count;
}

/** Entries that nothing is wrong with but how often they change, ten transactions a second. */
async function flood(perSecond, forSeconds) {
  let count = 0;
  const end = performance.now() + forSeconds * 1_000;
  for (let tick = performance.now(); tick < end; tick += 100) {
    for (let left = Math.round(perSecond / 10); left > 0; left -= 100) {
      const batch = Array.from({ length: Math.min(100, left) }, (_, index) => {
        const name = `flood-${(count + index) % 100}`;
        return put(`${services}/${name}`, service({ name, labels: { change: String(count + index) } }));
      });
      await transaction(batch);
      count += batch.length;
    }
    await new Promise((resolve) => setTimeout(resolve, tick + 100 - performance.now()));
  }
  return count;
}

function service(overrides) {
  const maps = { frontends: {}, backends: {}, hostnames: {}, labels: {}, selector: {} };
  const entry = { cluster, namespace: 'rubbish', ...maps, includeExternal: false, shared: true, clusterID: id };
  return JSON.stringify({ ...entry, ...overrides });
}

/** RequestOp of etcd's rpc.proto: a put, or a deletion of a key or of all that begin with it. */
function put(key, value) {
  return bytesField(2, Buffer.concat([bytesField(1, key), bytesField(2, value)]));
}

function remove(key, isPrefix) {
  const end = Buffer.from(key);
  end[end.length - 1] += 1;
  return bytesField(3, Buffer.concat([bytesField(1, key), ...(isPrefix ? [bytesField(2, end)] : [])]));
}

async function transaction(ops) {
  const message = Buffer.concat(ops.map((op) => bytesField(2, op)));
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/etcdserverpb.KV/Txn',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const status = new Promise((resolve, reject) => {
    const read = (headers) => {
      if (headers['grpc-status'] !== undefined) resolve(headers);
    };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('error', reject);
  });
  stream.resume();
  stream.end(Buffer.concat([frame, message]));
  const { 'grpc-status': code, 'grpc-message': reason } = await status;
  if (code !== '0') fail(new Error(`etcd refuses: ${reason}`));
}

function bytesField(number, value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([number * 8 + 2]), varint(bytes.length), bytes]);
}

function varint(number) {
  const bytes = [];
  let rest = number;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

function pem(base64) {
  return Buffer.from(base64, 'base64');
}

function fail(error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
