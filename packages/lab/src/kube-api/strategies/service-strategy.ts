import type { Service, ServicePort, ServiceSpec, StatusCause } from '@clustermesh/kube';

import { forbiddenField, invalidValue, requiredValue } from '../api-errors.ts';
import type { Strategy } from '../resource-type.ts';
import type { ServiceIpAllocator } from './service-ip-allocator.ts';
import { checkIpFamilies, withClusterIps, withIpFamilies } from './service-ip-families.ts';

const nodePorts = { first: 30_000, last: 32_767 };
/** Kubernetes' default stickiness, seconds. */
const clientIpTimeoutSeconds = 10_800;

/** Services get cluster IPs and node ports that nobody else has. */
export function serviceStrategy(pool: ServiceIpAllocator): Strategy<Service> {
  const takenNodePorts = new Set<number>();
  const allocate = (service: Service, old?: Service): Service => {
    const spec = withIpFamilies(service.spec ?? {}, old?.spec, pool.families);
    return { ...service, spec: withNodePorts(withClusterIps(spec, pool), takenNodePorts) };
  };
  return {
    defaults: (service) => ({ ...service, spec: defaultSpec(service.spec ?? {}) }),
    onCreate: (service) => ({ ...allocate(service), status: { loadBalancer: {} } }),
    onUpdate: (service, old) => allocate(keepAllocated(service, old), old),
    validate: (service, old) => [
      ...checkPorts(service.spec ?? {}),
      ...checkIpFamilies(service.spec ?? {}, pool.families),
      ...checkClusterIps(service.spec ?? {}, old?.spec, pool),
    ],
    committed: (before, after) => {
      releaseAll(before, pool, takenNodePorts);
      takeAll(after, pool, takenNodePorts);
    },
  };
}

function defaultSpec(spec: ServiceSpec): ServiceSpec {
  const type = spec.type ?? 'ClusterIP';
  const common: ServiceSpec = {
    ...spec,
    type,
    sessionAffinity: spec.sessionAffinity ?? 'None',
    ...(spec.ports === undefined ? {} : { ports: spec.ports.map(defaultPort) }),
  };
  if (type === 'ExternalName') return common;
  const isExternal = type !== 'ClusterIP';
  const timeoutSeconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? clientIpTimeoutSeconds;
  return {
    internalTrafficPolicy: 'Cluster',
    ...(isExternal ? { externalTrafficPolicy: 'Cluster' as const } : {}),
    ...(type === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: true } : {}),
    ...common,
    ...(spec.sessionAffinity === 'ClientIP' ? { sessionAffinityConfig: { clientIP: { timeoutSeconds } } } : {}),
  };
}

function defaultPort(port: ServicePort): ServicePort {
  return { ...port, protocol: port.protocol ?? 'TCP', targetPort: port.targetPort ?? port.port };
}

/** A client that replaces a Service need not know what was allocated to it. */
function keepAllocated(service: Service, old: Service): Service {
  const spec = service.spec ?? {};
  const before = old.spec ?? {};
  const clusterIp =
    spec.clusterIP === undefined && before.clusterIP !== undefined && spec.type !== 'ExternalName'
      ? { clusterIP: before.clusterIP, clusterIPs: before.clusterIPs ?? [before.clusterIP] }
      : {};
  const ports = spec.ports?.map((port) => {
    const same = before.ports?.find((other) => other.port === port.port && other.protocol === port.protocol);
    return port.nodePort === undefined && same?.nodePort !== undefined && wantsNodePorts(spec)
      ? { ...port, nodePort: same.nodePort }
      : port;
  });
  return { ...service, spec: { ...spec, ...clusterIp, ...(ports === undefined ? {} : { ports }) } };
}

function wantsNodePorts(spec: ServiceSpec): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

function withNodePorts(spec: ServiceSpec, taken: ReadonlySet<number>): ServiceSpec {
  const { ports } = spec;
  if (ports === undefined) return spec;
  if (!wantsNodePorts(spec)) return { ...spec, ports: ports.map(({ nodePort: _, ...port }) => port) };
  const used = new Set([...taken, ...ports.flatMap(({ nodePort }) => (nodePort === undefined ? [] : [nodePort]))]);
  const withPorts = ports.map((port) => {
    if (port.nodePort !== undefined) return port;
    let nodePort = nodePorts.first;
    while (used.has(nodePort)) nodePort++;
    used.add(nodePort);
    return { ...port, nodePort };
  });
  return { ...spec, ports: withPorts };
}

function checkPorts(spec: ServiceSpec): StatusCause[] {
  const ports = spec.ports ?? [];
  if (ports.length === 0 && spec.type !== 'ExternalName' && spec.clusterIP !== 'None')
    return [requiredValue('spec.ports')];
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const field = `spec.ports[${index}]`;
    const { name = '', nodePort = nodePorts.first } = port;
    const isDuplicate = names.has(name);
    names.add(name);
    return [
      ...(port.port >= 1 && port.port <= 65_535
        ? []
        : [invalidValue(`${field}.port`, port.port, 'must be between 1 and 65535, inclusive')]),
      ...(name === '' && ports.length > 1 ? [requiredValue(`${field}.name`)] : []),
      ...(name !== '' && isDuplicate
        ? [
            {
              reason: 'FieldValueDuplicate',
              field: `${field}.name`,
              message: `Duplicate value: ${JSON.stringify(name)}`,
            },
          ]
        : []),
      ...(nodePort >= nodePorts.first && nodePort <= nodePorts.last
        ? []
        : [
            invalidValue(
              `${field}.nodePort`,
              nodePort,
              `provided port is not in the valid range. The range of valid ports is ${nodePorts.first}-${nodePorts.last}`,
            ),
          ]),
    ];
  });
}

function checkClusterIps(spec: ServiceSpec, old: ServiceSpec | undefined, pool: ServiceIpAllocator): StatusCause[] {
  const { clusterIP, clusterIPs = [] } = spec;
  if (spec.type === 'ExternalName') {
    return spec.externalName === undefined ? [requiredValue('spec.externalName')] : [];
  }
  if (clusterIP === undefined) return [forbiddenField('spec.clusterIPs', `no address of ${pool.cidrs} is free`)];
  if (old?.clusterIP !== undefined && old.type !== 'ExternalName' && old.clusterIP !== clusterIP) {
    return [invalidValue('spec.clusterIPs[0]', clusterIP, 'may not change once set')];
  }
  const isKept = (address: string): boolean => address === 'None' || old?.clusterIPs?.includes(address) === true;
  return clusterIPs.filter((address) => !isKept(address)).flatMap((address) => checkAddress(address, pool));
}

function checkAddress(address: string, pool: ServiceIpAllocator): StatusCause[] {
  const refuse = (why: string): StatusCause[] => [
    invalidValue('spec.clusterIPs', [address], `failed to allocate IP ${address}: ${why}`),
  ];
  if (!pool.contains(address)) {
    return refuse(`the provided IP is not in the valid range. The range of valid IPs is ${pool.cidrs}`);
  }
  return pool.isTaken(address) ? refuse('provided IP is already allocated') : [];
}

function releaseAll(service: Service | undefined, pool: ServiceIpAllocator, taken: Set<number>): void {
  for (const address of service?.spec?.clusterIPs ?? []) pool.release(address);
  for (const { nodePort } of service?.spec?.ports ?? []) if (nodePort !== undefined) taken.delete(nodePort);
}

function takeAll(service: Service | undefined, pool: ServiceIpAllocator, taken: Set<number>): void {
  for (const address of service?.spec?.clusterIPs ?? []) pool.take(address);
  for (const { nodePort } of service?.spec?.ports ?? []) if (nodePort !== undefined) taken.add(nodePort);
}
