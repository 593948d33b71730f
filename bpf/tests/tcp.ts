import { execFile } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The command of a client that connects `count` times to host:port. */
export function clientCommand(host: string, port: number, count: number): string[] {
  return [execPath, scriptPath('tcp-client'), host, String(port), String(count)];
}

/** The command of a server that answers with its name, the client's address and `padding` more bytes. */
export function serverCommand(name: string, host: string, port: number, padding: number): string[] {
  return [execPath, scriptPath('tcp-server'), name, host, String(port), String(padding)];
}

/** Runs a client's command to its end: one answer or error code a connection. */
export async function answersOf(command: readonly string[]): Promise<string[]> {
  const [file = '', ...args] = command;
  const { stdout } = await run(file, args, { timeout: 60_000, maxBuffer: 64 << 20 });
  return JSON.parse(stdout) as string[];
}

/** For each `host:port`, do packets pass both ways? `from` runs a command where the connections shall come from. */
export async function passing(
  from: { command(command: readonly string[]): string[] },
  targets: readonly string[],
): Promise<Readonly<Record<string, boolean>>> {
  const [file = '', ...args] = from.command([execPath, scriptPath('tcp-probe'), ...targets]);
  const { stdout } = await run(file, args, { timeout: 60_000 });
  return JSON.parse(stdout) as Record<string, boolean>;
}

/** A server in this process, on loopback, that answers with `name`. */
export async function testServer(name: string): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(name);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function scriptPath(name: string): string {
  return fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
}
