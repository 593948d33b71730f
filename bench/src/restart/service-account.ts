import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { KubeApi } from '../propagation/api-cluster.ts';
import { namespace } from './local-cluster.ts';

const runtimeDirectory = '/var/run';
const serviceAccountDirectory = join(runtimeDirectory, 'secrets/kubernetes.io/serviceaccount');

/** What a kubelet gives to a pod, for the programs that we start: in a mount namespace that ends with us. */
export function mountServiceAccount({ port, caFile, token }: KubeApi): void {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', runtimeDirectory]);
  mkdirSync(serviceAccountDirectory, { recursive: true });
  copyFileSync(caFile, join(serviceAccountDirectory, 'ca.crt'));
  writeFileSync(join(serviceAccountDirectory, 'token'), token);
  writeFileSync(join(serviceAccountDirectory, 'namespace'), namespace);
  process.env['KUBERNETES_SERVICE_HOST'] = '127.0.0.1';
  process.env['KUBERNETES_SERVICE_PORT'] = String(port);
}
