import type { AnnotationAdvisor } from './events/annotation-advisor.ts';
import type { Sinks } from './publish/publisher.ts';
import type { ApiserverSettings } from './settings.ts';
import { CiliumSource } from './source/cilium/cilium-source.ts';
import { GlobalServices } from './source/global-services.ts';
import { GlobalSlices } from './source/global-slices.ts';
import { KubernetesSource } from './source/kubernetes/kubernetes-source.ts';
import type { NamespaceTable } from './source/namespace-table.ts';
import { ServiceCatalog } from './source/service-catalog.ts';
import { ServiceExports } from './source/service-exports.ts';
import type { Source, SourceDeps } from './source/source.ts';

export interface SourcesDeps extends SourceDeps {
  readonly config: ApiserverSettings;
  readonly namespaces: NamespaceTable;
  readonly advisor: Pick<AnnotationAdvisor, 'service' | 'forget'>;
  readonly sinks: Sinks;
}

/** Where nodes, identities and IPs come from. */
export function workloadSource(deps: SourcesDeps): Source & { readonly identities: number } {
  const { cluster, source, identityGraceMs } = deps.config;
  if (source === 'kubernetes') return new KubernetesSource({ ...deps, cluster, identityGraceMs });
  return new CiliumSource({ ...deps, cluster, endpointSlices: source === 'cilium-endpoint-slices' });
}

/** Services are those of Kubernetes, whatever the workloads come from: in one form, or two. */
export function serviceSources(deps: SourcesDeps): readonly Source[] {
  const { config, sinks } = deps;
  const { endpointSlices, serviceExports: hasExports } = config.exported;
  const catalog = new ServiceCatalog({ ...deps, serviceProxyName: config.serviceProxyName ?? '' });
  const fromCatalog = { ...deps, cluster: config.cluster, catalog };
  return [
    catalog,
    ...(endpointSlices === 'endpointslices-only' ? [] : [new GlobalServices({ ...fromCatalog, sink: sinks.services })]),
    ...(endpointSlices === 'off' ? [] : [new GlobalSlices({ ...fromCatalog, sink: sinks.endpointSlices })]),
    ...(hasExports ? [new ServiceExports({ ...fromCatalog, sink: sinks.serviceExports })] : []),
  ];
}
