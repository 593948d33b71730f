import { isIPv6 } from 'node:net';

import type { ChannelOptions } from '@grpc/grpc-js';
import { MeshError } from '@clustermesh/runtime';

export interface EtcdTls {
  /** PEM. */
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export interface Endpoint {
  /** As configured, for people. */
  readonly url: string;
  /** A gRPC name: where to connect. */
  readonly target: string;
  readonly secure: boolean;
  readonly channelOptions: ChannelOptions;
}

/**
 * One of the configured endpoints: `https://host:port`, `http://…`, or `host:port`. An aliased host is connected to
 * by its given addresses, while certificates are still checked for its name (protocol.md §6.8).
 */
export function parseEndpoint(text: string, aliases: ReadonlyMap<string, readonly string[]>, tls: boolean): Endpoint {
  const url = URL.parse(text.includes('://') ? text : `${tls ? 'https' : 'http'}://${text}`);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new MeshError('CONFIG_INVALID', `etcd endpoint ${text} is not an http or https URL`);
  }
  const port = url.port === '' ? '2379' : url.port;
  const name = url.hostname;
  const addresses = aliases.get(name) ?? [];
  const secure = url.protocol === 'https:';
  if (addresses.length === 0) return { url: text, target: `dns:${name}:${port}`, secure, channelOptions: {} };
  const channelOptions = { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': `${name}:${port}` };
  return { url: text, target: addressTarget(addresses, port), secure, channelOptions };
}

/** gRPC takes addresses of one family a target; IPv4 first, as a mesh of both has it everywhere. */
function addressTarget(addresses: readonly string[], port: string): string {
  const v4 = addresses.filter((address) => !isIPv6(address));
  if (v4.length > 0) return `ipv4:${v4.map((address) => `${address}:${port}`).join(',')}`;
  return `ipv6:${addresses.map((address) => `[${address}]:${port}`).join(',')}`;
}
