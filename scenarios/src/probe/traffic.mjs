/**
 * Sends requests until its standard input ends. Prints totals as a line of JSON twice a second, and once at its end:
 * {"ok":812,"failed":{"ETIMEDOUT":1},"broken":{},"answers":{"east/echo-1":400},"longestGapMs":31,"firstFailure":"…",
 * "at":1764000000000,"lastOkAt":1763999999990}
 * usage: node traffic.mjs --address 10.101.0.9 --port 80 --connections new|established [--protocol UDP] [--every 10]
 *   [--streams 8]
 */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { parseArgs } from 'node:util';

/** Longer than TCP takes to send a lost SYN once more (1 s). */
const timeoutMs = 3_000;
const reportMs = 500;
const { values } = parseArgs({
  options: {
    address: { type: 'string' },
    port: { type: 'string' },
    protocol: { type: 'string', default: 'TCP' },
    connections: { type: 'string', default: 'new' },
    every: { type: 'string', default: '10' },
    streams: { type: 'string', default: '8' },
  },
});
const { address, protocol, connections } = values;
const port = Number(values.port);
const everyMs = Number(values.every);

const totals = { ok: 0, failed: {}, broken: {}, answers: {}, longestGapMs: 0, firstFailure: '', lastOkAt: 0 };
let lastOk = performance.now();
let isOver = false;

const timers = [setInterval(report, reportMs)];
if (connections === 'new') timers.push(setInterval(protocol === 'UDP' ? askByDatagram : askByConnection, everyMs));
else
  for (let stream = 0; stream < Number(values.streams); stream++) (protocol === 'UDP' ? openDatagrams : openStream)();

process.stdin.on('data', () => undefined);
process.stdin.on('end', () => {
  isOver = true;
  for (const timer of timers) clearInterval(timer);
  report();
  process.exit();
});

function report() {
  const gap = Math.max(totals.longestGapMs, performance.now() - lastOk);
  process.stdout.write(`${JSON.stringify({ ...totals, longestGapMs: gap, at: Date.now() })}\n`);
}

function succeed(who) {
  totals.ok++;
  totals.lastOkAt = Date.now();
  const now = performance.now();
  totals.longestGapMs = Math.max(totals.longestGapMs, now - lastOk);
  lastOk = now;
  if (who !== undefined) count(totals.answers, who);
}

function count(counts, name) {
  counts[name] = (counts[name] ?? 0) + 1;
}

function fail(counts, reason) {
  count(counts, reason);
  totals.firstFailure ||= `${reason} at ${new Date().toISOString()}`;
}

function askByConnection() {
  const socket = connect({ host: address, port });
  let text = '';
  let isDone = false;
  const end = (failure) => {
    if (isDone || isOver) return;
    isDone = true;
    if (failure === undefined) succeed(text.split('\n')[0].trim());
    else fail(totals.failed, failure);
    socket.destroy();
  };
  socket.setTimeout(timeoutMs, () => end('ETIMEDOUT'));
  socket.on('error', (error) => end(error.code ?? error.message));
  socket.on('end', () => end('closed without an answer'));
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    if (text.includes('\n')) end();
  });
}

/** A connection that lives on: one line out, the same line back, and the next one after a while. */
function openStream() {
  const socket = connect({ host: address, port });
  let text = '';
  let sent;
  let isClosed = false;
  let waiting;
  const lose = (reason) => {
    if (isClosed || isOver) return;
    isClosed = true;
    clearTimeout(waiting);
    fail(totals.broken, reason);
    socket.destroy();
  };
  const ask = () => {
    if (isClosed || isOver) return;
    sent = `ping ${performance.now()}`;
    text = '';
    socket.write(`${sent}\n`);
    // Data that is on its way survives a restart of anything, however long that takes.
    waiting = setTimeout(() => lose('no answer'), 10 * timeoutMs);
  };
  socket.on('error', (error) => lose(error.code ?? error.message));
  socket.on('end', () => lose('closed by the other side'));
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    const isGreeting = sent === undefined && text.split('\n').length > 2;
    if (!isGreeting && !(sent !== undefined && text.includes(`${sent}\n`))) return;
    clearTimeout(waiting);
    succeed(isGreeting ? text.split('\n')[0].trim() : undefined);
    setTimeout(ask, everyMs);
  });
}

function askByDatagram() {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const timer = setTimeout(() => end('ETIMEDOUT'), timeoutMs);
  const end = (failure, who) => {
    clearTimeout(timer);
    socket.close();
    if (isOver) return;
    if (failure === undefined) succeed(who);
    else fail(totals.failed, failure);
  };
  socket.once('error', (error) => end(error.code ?? error.message));
  socket.once('message', (message) => end(undefined, message.toString('latin1').split(/\s/)[0]));
  socket.connect(port, address, () => socket.send('who'));
}

/** A connected socket that lives on: its datagrams go to one backend. */
function openDatagrams() {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  let timer;
  const ask = () => {
    if (isOver) return;
    socket.send('who');
    timer = setTimeout(() => {
      if (!isOver) fail(totals.failed, 'ETIMEDOUT');
      ask();
    }, timeoutMs);
  };
  socket.on('error', (error) => fail(totals.failed, error.code ?? error.message));
  socket.on('message', (message) => {
    clearTimeout(timer);
    succeed(message.toString('latin1').split(/\s/)[0]);
    setTimeout(ask, everyMs);
  });
  socket.connect(port, address, ask);
}
