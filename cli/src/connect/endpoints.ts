import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import type { KubeObject, Node, Service } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';

/** Where a cluster's etcd is reached from other clusters. */
export interface Endpoints {
  /** Addresses; also names, before `resolveNames`. */
  readonly ips: readonly string[];
  readonly port: number;
}

/** Load balancer addresses, else the node port on every node's address, as Cilium's CLI but for all nodes. */
export function chooseEndpoints(service: Service, nodes: readonly Node[], context: string): Endpoints {
  switch (service.spec?.type) {
    case 'LoadBalancer':
      return loadBalancerEndpoints(service, context);
    case 'NodePort':
      return nodePortEndpoints(service, nodes, context);
    default:
      throw noEndpoint(service, context, 'it is neither a LoadBalancer nor a NodePort');
  }
}

function loadBalancerEndpoints(service: Service, context: string): Endpoints {
  const port = service.spec?.ports?.[0]?.port;
  const ips = (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
  if (ips.length > 0 && port !== undefined) return { ips, port };
  throw noEndpoint(service, context, 'its load balancer has no address yet');
}

function nodePortEndpoints(service: Service, nodes: readonly Node[], context: string): Endpoints {
  const port = service.spec?.ports?.[0]?.nodePort;
  const ips = nodes.flatMap(nodeAddress);
  if (ips.length > 0 && port !== undefined) return { ips, port };
  throw noEndpoint(service, context, 'no node has an address, or it has no node port');
}

/** `10.0.0.1:2379`, or several with one port: `10.0.0.1:2379,10.0.0.2:2379`. IPv6 in brackets. */
export function parseEndpoints(text: string): Endpoints {
  const parsed = text.split(',').map((part) => {
    const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/.exec(part.trim());
    const { v6, host, port } = match?.groups ?? {};
    const ip = v6 ?? host;
    if (ip === undefined || Number(port) > 65_535) {
      throw new MeshError('CONFIG_INVALID', `"${part}" is not an endpoint: write ADDRESS:PORT`);
    }
    return { ip, port: Number(port) };
  });
  const ports = new Set(parsed.map(({ port }) => port));
  if (ports.size > 1) {
    throw new MeshError('CONFIG_INVALID', `${text}: all endpoints of one cluster must use the same port`);
  }
  return { ips: parsed.map(({ ip }) => ip), port: [...ports][0] ?? 0 };
}

/**
 * Names become their addresses of now, as in Cilium's CLI: the etcd's certificate covers the mesh's own names, so the
 * remote is dialled by such a name, with these addresses as its aliases.
 */
export async function resolveNames({ ips, port }: Endpoints): Promise<Endpoints> {
  const resolved = await Promise.all(ips.map(async (name) => (isIP(name) === 0 ? addressesOf(name) : [name])));
  return { ips: [...new Set(resolved.flat())], port };
}

async function addressesOf(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new MeshError('HOST_UNRESOLVED', `resolve the load balancer's name ${name}`, { cause: error });
  }
}

function nodeAddress(node: Node): readonly string[] {
  const addresses = node.status?.addresses ?? [];
  const wanted = ['ExternalIP', 'InternalIP'].flatMap((type) => addresses.filter((address) => address.type === type));
  return wanted.slice(0, 1).map(({ address }) => address);
}

function noEndpoint(service: KubeObject, context: string, why: string): MeshError {
  const name = `${service.metadata.namespace ?? ''}/${service.metadata.name}`;
  const hint = 'give the address with --source-endpoint or --destination-endpoint';
  return new MeshError(
    'CONFIG_INVALID',
    `Service ${name} of ${context} cannot be reached from outside: ${why}; ${hint}`,
  );
}
