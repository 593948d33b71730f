import { expect, it } from '@jest/globals';
import type { ServiceSpec } from '@clustermesh/kube';

import { trafficRule } from './traffic-rule.ts';

const rule = (spec: ServiceSpec, annotations: Readonly<Record<string, string>> = {}): string =>
  trafficRule({ metadata: { name: 'web', annotations }, spec });

it.each([
  { spec: {}, want: 'cluster' },
  { spec: { internalTrafficPolicy: 'Cluster' }, want: 'cluster' },
  { spec: { internalTrafficPolicy: 'Local' }, want: 'node-local' },
  { spec: { externalTrafficPolicy: 'Local' }, want: 'cluster' },
  { spec: { trafficDistribution: 'PreferClose' }, want: 'same-zone' },
  { spec: { trafficDistribution: 'PreferSameZone' }, want: 'same-zone' },
  { spec: { trafficDistribution: 'PreferSameNode' }, want: 'same-node' },
  { spec: { trafficDistribution: 'example.com/own' }, want: 'cluster' },
  { spec: { trafficDistribution: 'constructor' }, want: 'cluster' },
  { spec: { internalTrafficPolicy: 'Local', trafficDistribution: 'PreferClose' }, want: 'node-local' },
] as const)('$spec means $want', ({ spec, want }) => {
  expect(rule(spec)).toBe(want);
});

it.each([
  { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' }, want: 'same-zone' },
  { annotations: { 'service.kubernetes.io/topology-mode': 'Disabled' }, want: 'cluster' },
  { annotations: { 'service.kubernetes.io/topology-aware-hints': 'auto' }, want: 'same-zone' },
  {
    annotations: {
      'service.kubernetes.io/topology-aware-hints': 'disabled',
      'service.kubernetes.io/topology-mode': 'Auto',
    },
    want: 'cluster',
  },
])('the annotations $annotations mean $want', ({ annotations, want }) => {
  expect(rule({}, annotations)).toBe(want);
});
