import type {
  Condition,
  Service,
  ServiceExport as ServiceExportObject,
  ServicePort,
  ServiceSpec,
} from '@clustermesh/kube';
import { parseRfc3339, rfc3339 } from '@clustermesh/wire';
import type { ExportedPort, ServiceExport } from '@clustermesh/wire';

import type { LocalCluster } from './local-cluster.ts';

/** Whether a Service can be exported, in the words of the Multi-Cluster Services API. */
export type ExportValidity = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

export function exportValidity(service: Service | undefined): ExportValidity {
  const refused = { type: 'Valid', status: 'False' } as const;
  if (service === undefined) return { ...refused, reason: 'NoService', message: "Service doesn't exist" };
  if (service.spec?.type !== 'ExternalName') {
    return { type: 'Valid', status: 'True', reason: 'Valid', message: 'ServiceExport is valid' };
  }
  return { ...refused, reason: 'InvalidServiceType', message: 'Service type ExternalName is not supported' };
}

/** The value of an export whose Service is valid (protocol.md §7.7). */
export function serviceExport(object: ServiceExportObject, service: Service, cluster: LocalCluster): ServiceExport {
  const { metadata, spec: exported } = object;
  const createdMs = parseRfc3339(metadata.creationTimestamp ?? '');
  return {
    cluster: cluster.name,
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    annotations: exported?.exportedAnnotations ?? {},
    labels: exported?.exportedLabels ?? {},
    exportCreationTimestamp: createdMs === undefined ? null : rfc3339(createdMs),
    ...exportedSpec(service.spec ?? {}),
  };
}

type ExportedSpec = Omit<
  ServiceExport,
  'cluster' | 'name' | 'namespace' | 'annotations' | 'labels' | 'exportCreationTimestamp'
>;

/** Ports are those of the Service, not of its pods. Readers refuse an empty session affinity. */
function exportedSpec(spec: ServiceSpec): ExportedSpec {
  const clientIP = spec.sessionAffinityConfig?.clientIP;
  return {
    ports: (spec.ports ?? []).map(exportedPort),
    type: spec.clusterIP?.toLowerCase() === 'none' ? 'Headless' : 'ClusterSetIP',
    sessionAffinity: spec.sessionAffinity ?? 'None',
    sessionAffinityConfig: clientIP ? { clientIp: { timeoutSeconds: clientIP.timeoutSeconds } } : undefined,
    ipFamilies: spec.ipFamilies ?? [],
    internalTrafficPolicy: spec.internalTrafficPolicy ?? '',
    trafficDistribution: spec.trafficDistribution ?? '',
  };
}

function exportedPort({ name, protocol, appProtocol, port }: ServicePort): ExportedPort {
  return { name: name ?? '', protocol: protocol ?? 'TCP', appProtocol: appProtocol ?? undefined, port };
}
