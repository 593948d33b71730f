/** The columns that `kubectl get` shows for a type: kube-apiserver's own, as far as they say something here. */
import type {
  ConfigMap,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  EndpointSlice,
  Event,
  KubeObject,
  LabelSelector,
  Lease,
  Namespace,
  Node,
  PrinterColumn,
  ReplicaSet,
  Secret,
  Service,
} from '@clustermesh/kube';

import type { ApiObject } from '../api-object.ts';
import { cellAt } from '../strategies/custom-resources.ts';
import type { ResourceType, ServedVersion } from '../resource-type.ts';
import type { NetworkPolicy } from '../strategies/network-policy-strategy.ts';
import { humanDuration } from './human-duration.ts';
import { podColumns } from './pod-columns.ts';

export interface Column<T extends KubeObject = ApiObject> {
  readonly name: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 0 | 1;
  cell(object: T, nowMs: number): unknown;
}

/** After the name come the type's own columns, and its age last unless it says otherwise. */
export function columnsOf(type: ResourceType, version: ServedVersion): readonly Column[] {
  const own = version.printerColumns?.map(printerColumn) ?? builtinColumns(type);
  const tellsAge = own.some(({ name }) => name === 'Age' || name === 'Last Seen' || name === 'Created At');
  const first = own.some(({ name }) => name === 'Last Seen') ? [] : [nameColumn]; // names of events tell nobody anything
  const narrow = own.filter(({ priority }) => priority !== 1);
  const wide = own.filter(({ priority }) => priority === 1);
  return [...first, ...narrow, ...(tellsAge ? [] : [ageColumn]), ...wide];
}

/** A view shows the columns of what it is a view of. */
function builtinColumns(type: ResourceType): readonly Column[] {
  const { conversion } = type;
  const { group, plural } = conversion?.of ?? type;
  const own = columnsByType.get(`${group}/${plural}`) ?? [];
  if (conversion === undefined) return own;
  return own.map((column) => ({
    ...column,
    cell: (object, nowMs) => column.cell(conversion.toStored(object), nowMs),
  }));
}

const nameColumn: Column = { name: 'Name', cell: ({ metadata }) => metadata.name };
const ageColumn: Column = { name: 'Age', cell: ({ metadata }, nowMs) => age(metadata.creationTimestamp, nowMs) };

function age(timestamp: unknown, nowMs: number): string {
  const then = Date.parse(String(timestamp));
  return Number.isNaN(then) ? '<unknown>' : humanDuration(nowMs - then);
}

function printerColumn({ name, type, jsonPath, priority = 0 }: PrinterColumn): Column {
  const value = (object: ApiObject): unknown => cellAt(object, jsonPath);
  return {
    name,
    priority: priority === 0 ? 0 : 1,
    cell: (object, nowMs) => (type === 'date' ? age(value(object), nowMs) : (value(object) ?? '')),
  };
}

function columns<T extends KubeObject>(...list: readonly Column<T>[]): readonly Column[] {
  return list as unknown as readonly Column[];
}

const none = '<none>';

function listed(values: readonly string[] | undefined, limit = Infinity): string {
  if (values === undefined || values.length === 0) return none;
  const more = values.length - limit;
  return values.slice(0, limit).join(',') + (more > 0 ? ` + ${more} more...` : '');
}

function selectorText(labels: Readonly<Record<string, string>> | undefined): string {
  return listed(Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`));
}

function labelSelectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}): string {
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    return operator === 'DoesNotExist' ? `!${key}` : `${key} ${operator.toLowerCase()} (${values.join(',')})`;
  });
  return listed([...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`), ...expressions]);
}

const nodeRolePrefix = 'node-role.kubernetes.io/';

function nodeStatus({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const state = ready === 'True' ? 'Ready' : ready === undefined ? 'Unknown' : 'NotReady';
  return spec?.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

function nodeAddress({ status }: Node, type: string): string {
  return status?.addresses?.find((address) => address.type === type)?.address ?? none;
}

function servicePorts({ spec }: Service): string {
  return listed(
    spec?.ports?.map(({ port, nodePort, protocol = 'TCP' }) =>
      nodePort === undefined ? `${port}/${protocol}` : `${port}:${nodePort}/${protocol}`,
    ),
  );
}

function externalAddress({ spec = {}, status }: Service): string {
  if (spec.type === 'ExternalName') return spec.externalName ?? none;
  const ingress = status?.loadBalancer?.ingress ?? [];
  const all = [...ingress.map(({ ip, hostname }) => ip ?? hostname ?? ''), ...(spec.externalIPs ?? [])];
  return all.length === 0 && spec.type === 'LoadBalancer' ? '<pending>' : listed(all);
}

const columnsByType = new Map<string, readonly Column[]>([
  ['/pods', columns(...podColumns)],
  ['/namespaces', columns<Namespace>({ name: 'Status', cell: ({ status }) => status?.phase ?? '' })],
  [
    '/nodes',
    columns<Node>(
      { name: 'Status', cell: nodeStatus },
      {
        name: 'Roles',
        cell: ({ metadata }) => {
          const keys = Object.keys(metadata.labels ?? {}).filter((key) => key.startsWith(nodeRolePrefix));
          return listed(keys.map((key) => key.slice(nodeRolePrefix.length)));
        },
      },
      { name: 'Version', cell: ({ status }) => status?.nodeInfo?.['kubeletVersion'] ?? '' },
      { name: 'Internal-IP', priority: 1, cell: (node) => nodeAddress(node, 'InternalIP') },
      { name: 'Pod-CIDR', priority: 1, cell: ({ spec }) => spec?.podCIDR ?? none },
    ),
  ],
  [
    '/services',
    columns<Service>(
      { name: 'Type', cell: ({ spec }) => spec?.type ?? '' },
      { name: 'Cluster-IP', cell: ({ spec }) => spec?.clusterIP ?? none },
      { name: 'External-IP', cell: externalAddress },
      { name: 'Port(s)', cell: servicePorts },
      { name: 'Selector', priority: 1, cell: ({ spec }) => selectorText(spec?.selector) },
    ),
  ],
  [
    '/secrets',
    columns<Secret>(
      { name: 'Type', cell: ({ type }) => type ?? '' },
      { name: 'Data', cell: ({ data }) => Object.keys(data ?? {}).length },
    ),
  ],
  ['/configmaps', columns<ConfigMap>({ name: 'Data', cell: ({ data }) => Object.keys(data ?? {}).length })],
  [
    '/events',
    columns<Event>(
      {
        name: 'Last Seen',
        cell: ({ metadata, series, lastTimestamp, eventTime }, nowMs) =>
          age(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp, nowMs),
      },
      { name: 'Type', cell: ({ type }) => type ?? '' },
      { name: 'Reason', cell: ({ reason }) => reason ?? '' },
      {
        name: 'Object',
        cell: ({ involvedObject: { kind = '', name = '' } }) => `${kind.toLowerCase()}/${name}`,
      },
      { name: 'Message', cell: ({ message }) => message?.trim() ?? '' },
      { name: 'Count', priority: 1, cell: ({ series, count }) => series?.count ?? count ?? 1 },
      { name: 'Name', priority: 1, cell: ({ metadata }) => metadata.name },
    ),
  ],
  [
    'apps/deployments',
    columns<Deployment>(
      { name: 'Ready', cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}` },
      { name: 'Up-to-date', cell: ({ status }) => status?.updatedReplicas ?? 0 },
      { name: 'Available', cell: ({ status }) => status?.availableReplicas ?? 0 },
    ),
  ],
  [
    'apps/replicasets',
    columns<ReplicaSet>(
      { name: 'Desired', cell: ({ spec }) => spec.replicas ?? 1 },
      { name: 'Current', cell: ({ status }) => status?.replicas ?? 0 },
      { name: 'Ready', cell: ({ status }) => status?.readyReplicas ?? 0 },
    ),
  ],
  [
    'apps/daemonsets',
    columns<DaemonSet>(
      { name: 'Desired', cell: ({ status }) => status?.desiredNumberScheduled ?? 0 },
      { name: 'Current', cell: ({ status }) => status?.currentNumberScheduled ?? 0 },
      { name: 'Ready', cell: ({ status }) => status?.numberReady ?? 0 },
      { name: 'Up-to-date', cell: ({ status }) => status?.updatedNumberScheduled ?? 0 },
      { name: 'Available', cell: ({ status }) => status?.numberAvailable ?? 0 },
    ),
  ],
  [
    'discovery.k8s.io/endpointslices',
    columns<EndpointSlice>(
      { name: 'AddressType', cell: ({ addressType }) => addressType },
      { name: 'Ports', cell: ({ ports }) => listed(ports?.map(({ port }) => String(port ?? '*'))) },
      {
        name: 'Endpoints',
        cell: ({ endpoints }) => {
          const all = endpoints?.flatMap(({ addresses }) => addresses);
          return listed(all, 3);
        },
      },
    ),
  ],
  [
    'networking.k8s.io/networkpolicies',
    columns<NetworkPolicy>({ name: 'Pod-Selector', cell: ({ spec }) => labelSelectorText(spec?.podSelector) }),
  ],
  ['coordination.k8s.io/leases', columns<Lease>({ name: 'Holder', cell: ({ spec }) => spec?.holderIdentity ?? '' })],
  [
    'apiextensions.k8s.io/customresourcedefinitions',
    columns<CustomResourceDefinition>({
      name: 'Created At',
      cell: ({ metadata }) => metadata.creationTimestamp ?? '',
    }),
  ],
]);
