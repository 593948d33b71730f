// Connects to each host:port of its arguments at once and prints, as JSON, whether packets pass: an answer, or a refusal
// by a stack that has no server, came back.
import { connect } from 'node:net';

const timeout = 1_500;

function passes(target) {
  const [, host, port] = /^(.*):(\d+)$/.exec(target);
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout });
    const done = (verdict) => {
      resolve(verdict);
      socket.destroy();
    };
    socket.on('connect', () => done(true));
    socket.on('error', ({ code }) => done(code === 'ECONNREFUSED'));
    socket.on('timeout', () => done(false));
  });
}

const targets = process.argv.slice(2);
const verdicts = await Promise.all(targets.map(passes));
console.log(JSON.stringify(Object.fromEntries(targets.map((target, index) => [target, verdicts[index]]))));
