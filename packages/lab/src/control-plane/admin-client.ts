import { HttpKubeClient } from '@clustermesh/kube';

import type { KubeContext } from './kubeconfig.ts';

/** Without the detour over a kubeconfig file, whose library takes half a second to load. */
export function adminClient({ name, server, caPem, certPem, keyPem }: KubeContext): HttpKubeClient {
  const credentials = { tls: { ca: caPem, cert: certPem, key: keyPem }, headers: {} };
  return new HttpKubeClient({
    server: new URL(server),
    contextName: name,
    namespace: 'default',
    credentials: () => Promise.resolve(credentials),
  });
}
