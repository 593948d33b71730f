import { isIpv4, parseIp, type IpBytes } from '@clustermesh/wire';
import { protocolOf, type Backend, type Protocol } from './backend.ts';
import type { LocalService } from './local-service.ts';

/** A virtual address of this cluster. */
export interface Frontend {
  readonly address: IpBytes;
  readonly port: number;
  readonly protocol: Protocol;
  readonly portName: string;
}

/** Every ClusterIP with every port. */
export function frontendsOf({ clusterIps, ports }: LocalService): readonly Frontend[] {
  return clusterIps.flatMap((text) => {
    const address = parseIp(text);
    if (address === undefined) return [];
    return ports.flatMap(({ name: portName = '', protocol: protocolText = 'TCP', port }) => {
      const protocol = protocolOf(protocolText);
      return protocol === undefined ? [] : [{ address, port, protocol, portName }];
    });
  });
}

/**
 * May the frontend lead to the backend? Port numbers need not agree between clusters, only names, and those only
 * where both sides have one (protocol.md §8.4).
 */
export function matches(frontend: Frontend, backend: Backend): boolean {
  const { portName } = frontend;
  return (
    frontend.protocol === backend.protocol &&
    isIpv4(frontend.address) === isIpv4(backend.address) &&
    (portName === '' || backend.portNames.length === 0 || backend.portNames.includes(portName))
  );
}
