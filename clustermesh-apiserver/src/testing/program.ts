import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { serveKubeApi } from '@clustermesh/lab';
import type { KubeApiStore } from '@clustermesh/lab';
import { silentLogger, systemClock } from '@clustermesh/runtime';

import type { MeshEtcd } from './mesh-etcd.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

export interface Program {
  output(): string;
  /** Resolves to the exit code. */
  end(signal?: 'SIGTERM'): Promise<number | null>;
}

/** Runs the program until the test ends it. */
export function runProgram(args: readonly string[]): Program {
  const child = spawn(process.execPath, ['--conditions=mesh-source', main, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  return {
    output: () => output,
    end: async (signal) => {
      if (signal !== undefined) child.kill(signal);
      if (child.exitCode === null) await once(child, 'exit');
      return child.exitCode;
    },
  };
}

/** Serves a Kubernetes API over HTTPS until `stack` ends; returns a kubeconfig for it. */
export async function serveKube(store: KubeApiStore, { ca }: MeshEtcd, stack: AsyncDisposableStack): Promise<string> {
  const server = await ca.issue({ commonName: 'kube-apiserver', altNames: ['IP:127.0.0.1'] });
  const tls = { ca: ca.cert.toString(), cert: server.cert.toString(), key: server.key.toString() };
  const listen = [{ host: '127.0.0.1', port: 0 }];
  const options = { tls, token: 'secret', listen, clock: systemClock, log: silentLogger };
  const { addresses } = stack.use(await serveKubeApi(store, options));
  const cluster = { server: addresses[0], 'certificate-authority-data': ca.cert.toString('base64') };
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'east' },
    contexts: [{ name: 'east', context: { cluster: 'east', user: 'east' } }],
    users: [{ name: 'east', user: { token: 'secret' } }],
    clusters: [{ name: 'east', cluster }],
  });
}

/** The etcd client file of the publisher of `east`. */
export async function etcdClientFile({ ca, endpoint }: MeshEtcd): Promise<string> {
  const { certFile, keyFile } = await ca.issue({ commonName: 'admin-east' });
  const files = { 'trusted-ca-file': ca.certFile, 'cert-file': certFile, 'key-file': keyFile };
  return JSON.stringify({ endpoints: [endpoint], ...files });
}
