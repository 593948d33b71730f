import type { KvReader } from '@clustermesh/kvstore';
import { ok, refuse, withDeadline } from '@clustermesh/runtime';
import type { Clock, Result } from '@clustermesh/runtime';
import { kindByName, parseIp } from '@clustermesh/wire';
import type { SourceContext } from '@clustermesh/wire';

import type { EndpointRow } from '../../tables/endpoint-table.ts';

export interface FindAddressesOptions {
  readonly kv: Pick<KvReader, 'watch'>;
  /** Of this node. */
  readonly endpoints: { rows(): Iterable<Pick<EndpointRow, 'namespace' | 'name' | 'address'>> };
  readonly localCluster: string;
  /** Of our own cluster too; undefined: no cluster of this name is connected. */
  readonly contextOf: (cluster: string) => SourceContext | undefined;
  readonly clock: Pick<Clock, 'sleep'>;
}

/** A list of a million addresses takes some seconds. */
const searchMs = 20_000;

/** The addresses of an address, or of a pod as `[CLUSTER/]NAMESPACE/POD`; the reason why there are none. */
export async function findAddresses(
  text: string,
  options: FindAddressesOptions,
  signal: AbortSignal,
): Promise<Result<readonly Uint8Array[]>> {
  const address = parseIp(text);
  if (address !== undefined) return ok([address]);
  const parts = text.split('/');
  if (parts.length < 2 || parts.length > 3 || parts.includes('')) {
    return refuse(`${JSON.stringify(text)} is no address and no [CLUSTER/]NAMESPACE/POD`);
  }
  const [name = '', namespace = '', cluster = options.localCluster] = parts.toReversed();
  const own = cluster === options.localCluster ? ownAddresses(namespace, name, options) : [];
  if (own.length > 0) return ok(own);
  return searchStore({ cluster, namespace, name }, options, signal);
}

interface SoughtPod {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

function ownAddresses(namespace: string, name: string, { endpoints }: FindAddressesOptions): readonly Uint8Array[] {
  const rows = [...endpoints.rows()].filter((row) => row.namespace === namespace && row.name === name);
  return rows.map(({ address }) => address);
}

async function searchStore(
  pod: SoughtPod,
  options: FindAddressesOptions,
  signal: AbortSignal,
): Promise<Result<readonly Uint8Array[]>> {
  const context = options.contextOf(pod.cluster);
  if (context === undefined) return refuse(`cluster ${pod.cluster} is not connected`);
  const what = `look for pod ${pod.namespace}/${pod.name} in what cluster ${pod.cluster} publishes`;
  const found = await withDeadline(
    { ms: searchMs, what, clock: options.clock },
    (inner) => listAddresses(pod, context, options, inner),
    signal,
  );
  if (found.length > 0) return ok(found);
  return refuse(`cluster ${pod.cluster} publishes no pod ${pod.namespace}/${pod.name}: give its address`);
}

async function listAddresses(
  pod: SoughtPod,
  context: SourceContext,
  { kv, localCluster }: FindAddressesOptions,
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const { ip } = kindByName;
  const prefix = pod.cluster === localCluster ? ip.statePrefix(context.cluster) : ip.cachePrefix(context.cluster);
  const found: Uint8Array[] = [];
  for await (const { events, phase } of kv.watch(prefix, {}, signal)) {
    for (const event of events) {
      if (event.kind !== 'put') continue;
      const value = ip.read(context, event.key.slice(prefix.length), event.value);
      if (!value.ok || value.value.k8sPodName !== pod.name || value.value.k8sNamespace !== pod.namespace) continue;
      const address = parseIp(value.value.ip);
      if (address !== undefined) found.push(address);
    }
    if (phase !== 'list') break;
  }
  return found;
}
