import type { KubeEndpoint } from './kube-endpoint.ts';

/** The same API at other addresses, one used at a time: the next one when it cannot be reached. */
export function atOtherServers(endpoint: KubeEndpoint, servers: readonly URL[]): KubeEndpoint {
  const [first] = servers;
  if (first === undefined) return endpoint;
  let at = 0;
  return {
    get server() {
      return servers[at] ?? first;
    },
    contextName: endpoint.contextName,
    namespace: endpoint.namespace,
    credentials: () => endpoint.credentials(),
    refused: () => endpoint.refused?.(),
    unreachable: (server) => {
      // Several requests fail at once: one of them turns.
      if (server === servers[at]) at = (at + 1) % servers.length;
    },
  };
}
