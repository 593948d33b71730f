import type { CustomResourceDefinition, JsonSchema } from '@clustermesh/kube';

import { accessReviewTypes } from './access/access-reviews.ts';
import {
  configMapSchema,
  crdSchema,
  endpointSliceSchema,
  networkPolicySchema,
  podSchema,
  secretSchema,
  serviceSchema,
  workloadSchema,
} from './builtin-schemas.ts';
import { crdStrategy } from './strategies/custom-resources.ts';
import { eventConversion } from './strategies/event-conversion.ts';
import { podStrategy } from './strategies/pod-strategy.ts';
import { resourceType, strategyOf } from './resource-type.ts';
import type { ResourceType, ScalePaths, Strategy, TypeRow } from './resource-type.ts';
import { builtinStructure } from './schema/builtin-structures.ts';
import { networkPolicyStrategy } from './strategies/network-policy-strategy.ts';
import type { ServiceIpAllocator } from './strategies/service-ip-allocator.ts';
import { serviceStrategy } from './strategies/service-strategy.ts';
import {
  configMapStrategy,
  endpointSliceStrategy,
  eventStrategy,
  namespaceStrategy,
  secretStrategy,
} from './strategies/small-strategies.ts';
import { daemonSetStrategy, deploymentStrategy, replicaSetStrategy } from './strategies/workload-strategies.ts';

const scale: ScalePaths = {
  specReplicas: ['spec', 'replicas'],
  statusReplicas: ['status', 'replicas'],
  selector: ['spec', 'selector'],
};

const eventReferenceFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** The types that every cluster of the lab has. Network policies are checked and stored; the agents of the mesh obey them. */
export function builtinTypes(deps: BuiltinDeps): readonly ResourceType[] {
  const rows: readonly BuiltinRow[] = [
    ...coreTypes,
    serviceType(deps.addresses),
    ...appsTypes,
    customResourceDefinitionType(deps.onCrd),
    ...otherTypes,
  ];
  const stored = rows.map(({ schema, ...row }) => {
    const version = { name: 'v1', structure: builtinStructure(row), ...(schema === undefined ? {} : { schema }) };
    return resourceType({ ...row, versions: [version] });
  });
  return [...stored, ...accessReviewTypes().map(resourceType)];
}

/** All of them are served as v1. */
type BuiltinRow = Omit<TypeRow, 'versions'> & { readonly schema?: JsonSchema };

export interface BuiltinDeps {
  readonly addresses: ServiceIpAllocator;
  /** Told of each change of a CRD. */
  readonly onCrd: NonNullable<Strategy<CustomResourceDefinition>['committed']>;
}

const group = '';

function serviceType(addresses: ServiceIpAllocator): BuiltinRow {
  return {
    group,
    plural: 'services',
    kind: 'Service',
    namespaced: true,
    shortNames: ['svc'],
    categories: ['all'],
    hasStatus: true,
    nameRule: 'label-1035',
    schema: serviceSchema,
    selectableFields: ['spec.clusterIP', 'spec.type'],
    strategy: strategyOf(serviceStrategy(addresses)),
  };
}

const eventType = {
  plural: 'events',
  kind: 'Event',
  namespaced: true,
  strategy: strategyOf(eventStrategy),
} as const;

const coreTypes: readonly BuiltinRow[] = [
  {
    group,
    plural: 'namespaces',
    kind: 'Namespace',
    namespaced: false,
    shortNames: ['ns'],
    hasStatus: true,
    nameRule: 'label',
    selectableFields: ['status.phase'],
    strategy: strategyOf(namespaceStrategy),
  },
  {
    group,
    plural: 'nodes',
    kind: 'Node',
    namespaced: false,
    shortNames: ['no'],
    hasStatus: true,
    keepsStatusOnCreate: true,
    selectableFields: ['spec.unschedulable'],
  },
  {
    group,
    plural: 'pods',
    kind: 'Pod',
    namespaced: true,
    shortNames: ['po'],
    categories: ['all'],
    hasStatus: true,
    generation: 'spec',
    schema: podSchema,
    selectableFields: [
      'spec.nodeName',
      'spec.hostNetwork',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
    ],
    strategy: strategyOf(podStrategy),
  },
  {
    group,
    plural: 'secrets',
    kind: 'Secret',
    namespaced: true,
    schema: secretSchema,
    selectableFields: ['type'],
    strategy: strategyOf(secretStrategy),
  },
  {
    group,
    plural: 'configmaps',
    kind: 'ConfigMap',
    namespaced: true,
    shortNames: ['cm'],
    schema: configMapSchema,
    strategy: strategyOf(configMapStrategy),
  },
  { group, plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true, shortNames: ['sa'] },
  {
    ...eventType,
    group,
    shortNames: ['ev'],
    selectableFields: [
      'reason',
      'type',
      'source',
      'reportingComponent',
      ...eventReferenceFields.map((field) => `involvedObject.${field}`),
    ],
  },
];

const workload = {
  group: 'apps',
  namespaced: true,
  categories: ['all'],
  hasStatus: true,
  generation: 'spec',
  schema: workloadSchema,
} as const;

const appsTypes: readonly BuiltinRow[] = [
  {
    ...workload,
    plural: 'deployments',
    kind: 'Deployment',
    shortNames: ['deploy'],
    scale,
    strategy: strategyOf(deploymentStrategy),
  },
  {
    ...workload,
    plural: 'replicasets',
    kind: 'ReplicaSet',
    shortNames: ['rs'],
    scale,
    selectableFields: ['status.replicas'],
    strategy: strategyOf(replicaSetStrategy),
  },
  {
    ...workload,
    plural: 'daemonsets',
    kind: 'DaemonSet',
    shortNames: ['ds'],
    strategy: strategyOf(daemonSetStrategy),
  },
];

function customResourceDefinitionType(onCrd: BuiltinDeps['onCrd']): BuiltinRow {
  return {
    group: 'apiextensions.k8s.io',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    namespaced: false,
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    hasStatus: true,
    updatesNeedVersion: true,
    generation: 'spec',
    schema: crdSchema,
    strategy: strategyOf({ ...crdStrategy, committed: onCrd }),
  };
}

const rbac = { group: 'rbac.authorization.k8s.io', nameRule: 'path' } as const;

const otherTypes: readonly BuiltinRow[] = [
  { ...eventType, group: 'events.k8s.io', conversion: eventConversion },
  {
    group: 'discovery.k8s.io',
    plural: 'endpointslices',
    kind: 'EndpointSlice',
    namespaced: true,
    generation: 'all',
    schema: endpointSliceSchema,
    strategy: strategyOf(endpointSliceStrategy),
  },
  { group: 'coordination.k8s.io', plural: 'leases', kind: 'Lease', namespaced: true, updatesNeedVersion: true },
  {
    group: 'networking.k8s.io',
    plural: 'networkpolicies',
    kind: 'NetworkPolicy',
    namespaced: true,
    shortNames: ['netpol'],
    generation: 'spec',
    schema: networkPolicySchema,
    strategy: strategyOf(networkPolicyStrategy),
  },
  { ...rbac, plural: 'roles', kind: 'Role', namespaced: true },
  { ...rbac, plural: 'rolebindings', kind: 'RoleBinding', namespaced: true },
  { ...rbac, plural: 'clusterroles', kind: 'ClusterRole', namespaced: false },
  { ...rbac, plural: 'clusterrolebindings', kind: 'ClusterRoleBinding', namespaced: false },
];
