import type { KvReader } from '@clustermesh/kvstore';
import { ok, refuse, withDeadline } from '@clustermesh/runtime';
import type { Clock, Result } from '@clustermesh/runtime';
import { kindByName, parseIp } from '@clustermesh/wire';
import type { SourceContext } from '@clustermesh/wire';

import type { Published } from '../../ingest/cluster-feed.ts';
import type { EndpointRow } from '../../tables/endpoint-table.ts';

export interface FindAddressesOptions {
  /** Of this node. */
  readonly endpoints: { rows(): Iterable<Pick<EndpointRow, 'namespace' | 'name' | 'address'>> };
  readonly localCluster: string;
  /** Of our own cluster too; undefined: no cluster of this name is connected. */
  readonly published: (cluster: string) => Published | undefined;
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
  const published = options.published(pod.cluster);
  if (published === undefined) return refuse(`cluster ${pod.cluster} is not connected`);
  const { kv } = published;
  if (kv === undefined) return refuse(`there is no contact with cluster ${pod.cluster}: give the address`);
  const what = `look for pod ${pod.namespace}/${pod.name} in what cluster ${pod.cluster} publishes`;
  const found = await withDeadline(
    { ms: searchMs, what, clock: options.clock },
    (inner) => listAddresses(pod, { kv, prefix: published.prefixOf('ip'), context: published.context }, inner),
    signal,
  );
  if (found.length > 0) return ok(found);
  return refuse(`cluster ${pod.cluster} publishes no pod ${pod.namespace}/${pod.name}: give its address`);
}

interface AddressesAt {
  readonly kv: Pick<KvReader, 'watch'>;
  readonly prefix: string;
  readonly context: SourceContext;
}

async function listAddresses(
  pod: SoughtPod,
  { kv, prefix, context }: AddressesAt,
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const { events, phase } of kv.watch(prefix, {}, signal)) {
    for (const event of events) {
      if (event.kind !== 'put') continue;
      const value = kindByName.ip.read(context, event.key.slice(prefix.length), event.value);
      if (!value.ok || value.value.k8sPodName !== pod.name || value.value.k8sNamespace !== pod.namespace) continue;
      const address = parseIp(value.value.ip);
      if (address !== undefined) found.push(address);
    }
    if (phase !== 'list') break;
  }
  return found;
}
