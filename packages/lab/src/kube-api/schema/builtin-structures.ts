/** The built-in types as schemas: all their fields, and how lists and maps of them are merged. */
import type { JsonSchema } from '@clustermesh/kube';

import { builtinFields } from './builtin-fields.ts';

/** Lists whose items have a name of their own, by TYPE.FIELD: the keys of their items, or `set` of plain values. */
const mergedLists: Readonly<Record<string, readonly string[] | 'set'>> = {
  'ObjectMeta.ownerReferences': ['uid'],
  'ObjectMeta.finalizers': 'set',
  'PodSpec.containers': ['name'],
  'PodSpec.initContainers': ['name'],
  'PodSpec.ephemeralContainers': ['name'],
  'PodSpec.volumes': ['name'],
  'PodSpec.imagePullSecrets': ['name'],
  'PodSpec.hostAliases': ['ip'],
  'PodSpec.resourceClaims': ['name'],
  'PodSpec.schedulingGates': ['name'],
  'PodSpec.topologySpreadConstraints': ['topologyKey', 'whenUnsatisfiable'],
  'Container.env': ['name'],
  'Container.ports': ['containerPort', 'protocol'],
  'Container.volumeMounts': ['mountPath'],
  'Container.volumeDevices': ['devicePath'],
  'EphemeralContainer.env': ['name'],
  'EphemeralContainer.ports': ['containerPort', 'protocol'],
  'EphemeralContainer.volumeMounts': ['mountPath'],
  'ResourceRequirements.claims': ['name'],
  'PodStatus.conditions': ['type'],
  'PodStatus.podIPs': ['ip'],
  'NodeStatus.conditions': ['type'],
  'NodeStatus.addresses': ['type'],
  'NodeSpec.podCIDRs': 'set',
  'NamespaceStatus.conditions': ['type'],
  'ServiceStatus.conditions': ['type'],
  'ServiceSpec.ports': ['port', 'protocol'],
  'ServiceAccount.secrets': ['name'],
  'DeploymentStatus.conditions': ['type'],
  'ReplicaSetStatus.conditions': ['type'],
  'DaemonSetStatus.conditions': ['type'],
  'CustomResourceDefinitionStatus.conditions': ['type'],
};

/** Objects that are written as a whole. */
const atomicTypes = new Set([
  ...['ConfigMapKeySelector', 'LabelSelector', 'LocalObjectReference', 'NodeSelector', 'NodeSelectorTerm'],
  ...['ObjectFieldSelector', 'ObjectReference', 'ResourceFieldSelector', 'RoleRef', 'SecretKeySelector'],
  ...['SecretReference', 'RbacV1Subject', 'TypedLocalObjectReference'],
]);
const atomicMaps = new Set(['ServiceSpec.selector', 'PodSpec.nodeSelector']);

/** The default of a key must be known before the key can name an item. */
const keyDefaults: Readonly<Record<string, string>> = {
  'ServicePort.protocol': 'TCP',
  'ContainerPort.protocol': 'TCP',
};

const scalars: Readonly<Record<string, JsonSchema>> = {
  s: { type: 'string' },
  i: { type: 'integer', format: 'int32' },
  l: { type: 'integer', format: 'int64' },
  d: { type: 'number', format: 'double' },
  b: { type: 'boolean' },
  t: { type: 'string', format: 'date-time' },
  y: { type: 'string', format: 'byte' },
  p: { 'x-kubernetes-int-or-string': true },
  q: { 'x-kubernetes-preserve-unknown-fields': true },
  '*': { 'x-kubernetes-preserve-unknown-fields': true },
};

/** A schema while it is being linked: types may contain themselves. */
interface OpenSchema {
  readonly type: 'object';
  readonly title: string;
  readonly 'x-kubernetes-map-type'?: 'atomic';
  readonly properties: Record<string, JsonSchema>;
  readonly required: string[];
}

function linkTypes(text: string): ReadonlyMap<string, JsonSchema> {
  const rows = text.trim().split('\n');
  const types = new Map<string, OpenSchema>();
  for (const row of rows) {
    const title = row.slice(0, row.indexOf(':'));
    const atomic = atomicTypes.has(title) ? { 'x-kubernetes-map-type': 'atomic' as const } : {};
    types.set(title, { type: 'object', title, ...atomic, properties: {}, required: [] });
  }
  for (const row of rows) {
    const [title = '', ...fields] = row.split(/:? /);
    const type = types.get(title);
    for (const field of fields) if (type !== undefined) addField(type, field, types);
  }
  return types;
}

function addField(type: OpenSchema, field: string, types: ReadonlyMap<string, JsonSchema>): void {
  const [said = '', code = 's'] = field.split('=');
  const name = said.replace('!', '');
  if (name !== said) type.required.push(name);
  const at = `${type.title}.${name}`;
  const keys = mergedLists[at];
  const schema = schemaOf(code, types);
  type.properties[name] = {
    ...(keyDefaults[at] === undefined ? schema : { ...schema, default: keyDefaults[at] }),
    ...(keys === 'set' ? { 'x-kubernetes-list-type': 'set' } : {}),
    ...(keys === undefined || keys === 'set'
      ? {}
      : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys }),
    ...(atomicMaps.has(at) ? { 'x-kubernetes-map-type': 'atomic' } : {}),
  };
}

function schemaOf(code: string, types: ReadonlyMap<string, JsonSchema>): JsonSchema {
  if (code.startsWith('[')) return { type: 'array', items: schemaOf(code.slice(1, -1), types) };
  if (code.startsWith('{')) return { type: 'object', additionalProperties: schemaOf(code.slice(1, -1), types) };
  const schema = scalars[code] ?? types.get(code);
  if (schema === undefined) throw new TypeError(`no built-in type ${code}`);
  return schema;
}

const structures = linkTypes(builtinFields);

/** All types by name; they refer to each other, so the graph has cycles. */
export function builtinStructures(): ReadonlyMap<string, JsonSchema> {
  return structures;
}

/** `required` is for documentation: Go takes what is missing for its zero, and judges later. */
export function builtinStructure({ group, kind }: { readonly group: string; readonly kind: string }): JsonSchema {
  const name = group === 'events.k8s.io' ? `Events${kind}` : kind;
  const found = structures.get(name);
  if (found === undefined) throw new TypeError(`no fields are known of ${name}`);
  return found;
}
