import type { Service } from '@clustermesh/kube';
import type { TrafficRule } from '@clustermesh/select';

import { topologyAnnotations } from './kept-fields.ts';

const rules: ReadonlyMap<string, TrafficRule> = new Map([
  ['PreferClose', 'same-zone'],
  ['PreferSameZone', 'same-zone'],
  ['PreferSameNode', 'same-node'],
]);

/** Of a service's cluster IPs; what is only for traffic from outside the cluster (externalTrafficPolicy) is not read. */
export function trafficRule({ metadata, spec }: Pick<Service, 'metadata' | 'spec'>): TrafficRule {
  if (spec?.internalTrafficPolicy === 'Local') return 'node-local';
  const distribution = rules.get(spec?.trafficDistribution ?? '');
  if (distribution !== undefined) return distribution;
  const mode = topologyAnnotations.map((name) => metadata.annotations?.[name]).find((value) => value !== undefined);
  return mode === undefined || ['', 'disabled', 'Disabled'].includes(mode) ? 'cluster' : 'same-zone';
}
