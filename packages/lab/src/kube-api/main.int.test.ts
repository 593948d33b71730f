import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createCa, issueCertificate } from '@clustermesh/pki';
import { systemClock } from '@clustermesh/runtime';
import { TestProcess, eventually, tempDir } from '@clustermesh/testkit';

// Each test starts processes, which takes its time on a busy machine.
jest.setTimeout(60_000);

const stack = new AsyncDisposableStack();
let dir: string;
let flags: string[];

beforeAll(async () => {
  dir = stack.use(await tempDir('kube-api')).path;
  const validity = { clock: systemClock, days: 1 };
  const ca = await createCa({ ...validity, commonName: 'ca' });
  const pair = await issueCertificate(ca, {
    ...validity,
    commonName: 'kube-api',
    dnsNames: ['localhost'],
    usages: ['server'],
  });
  const files = { 'ca.crt': ca.certPem, 'tls.crt': pair.certPem, 'tls.key': pair.keyPem };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(dir, name), text)));
  flags = [
    '--secure-port=0',
    `--socket=${join(dir, 'api.sock')}`,
    `--client-ca-file=${join(dir, 'ca.crt')}`,
    `--tls-cert-file=${join(dir, 'tls.crt')}`,
    `--tls-private-key-file=${join(dir, 'tls.key')}`,
  ];
});
afterAll(() => stack.disposeAsync());

function start(...args: string[]): TestProcess {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  return new TestProcess(process.execPath, ['--conditions=mesh-source', main, ...args]);
}

function askReadyz(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: join(dir, 'api.sock'), path: '/readyz', rejectUnauthorized: false });
    asked.on('error', reject);
    asked.on('response', (response) => response.on('data', (text: Buffer) => resolve(text.toString())));
    asked.end();
  });
}

/** The HTTP status. */
function createConfigMap(): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath: join(dir, 'api.sock'),
      path: '/api/v1/namespaces/default/configmaps',
      method: 'POST',
      headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
      rejectUnauthorized: false,
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    asked.end(JSON.stringify({ metadata: { name: 'm' } }));
  });
}

it('says when it is ready, and starts over a socket that a killed one left behind', async () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const program = start(...flags);
    await program.printed('"msg":"ready"');
    await eventually(async () => expect(await askReadyz()).toBe('ok'));
    await program.end(signal);
  }
});

it('is killed with its objects, and has them again', async () => {
  const dataFlags = [...flags, `--data-dir=${join(dir, 'data')}`, `--token-file=${join(dir, 'token')}`];
  await writeFile(join(dir, 'token'), 'secret\n');
  for (const [signal, wanted] of [
    ['SIGKILL', 201],
    ['SIGTERM', 409],
  ] as const) {
    const program = start(...dataFlags);
    await program.printed('"msg":"ready"');
    expect(await createConfigMap()).toBe(wanted);
    await program.end(signal);
  }
});

it('names a setting that is missing', async () => {
  const program = start('--secure-port=0');
  await program.printed('--tls-cert-file');
  await eventually(() => expect(program.exited).toBe(true));
});
