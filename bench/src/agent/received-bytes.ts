import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a process has received over its connections to a port, as the kernel counts it: TLS and framing included. */
export async function receivedBytes(pid: number, port: number): Promise<number> {
  const { stdout } = await run('ss', ['--tcp', '--info', '--processes', '--no-header', 'dport', '=', `:${port}`]);
  // Two lines a connection: addresses and processes, then its figures.
  const connections = stdout.split(/\n(?=\S)/).filter((text) => text.includes(`pid=${pid},`));
  if (connections.length === 0) throw new Error(`process ${pid} has no connection to port ${port}`);
  return connections.reduce((sum, text) => sum + Number(/\bbytes_received:(\d+)/.exec(text)?.[1] ?? 0), 0);
}
