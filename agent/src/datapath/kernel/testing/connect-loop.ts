/** Connects to host:port of its arguments, one time after the other, in the cgroup of the first; tells on SIGTERM. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import process, { argv, exit, pid, stdout } from 'node:process';

const [, , cgroup = '', host = '', port = ''] = argv;
writeFileSync(join(cgroup, 'cgroup.procs'), String(pid));

let connects = 0;
const failures: string[] = [];
let isOver = false;
process.on('SIGTERM', () => (isOver = true));
stdout.write('connecting\n');
while (!isOver) {
  const problem = await converse();
  connects++;
  if (problem !== undefined) failures.push(problem);
}
stdout.write(`${JSON.stringify({ connects, failures })}\n`, () => exit(0));

function converse(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    let heard = false;
    socket.on('data', () => (heard = true));
    socket.on('error', (error) => resolve(error.message));
    socket.on('close', () => resolve(heard ? undefined : 'closed without a word'));
  });
}
