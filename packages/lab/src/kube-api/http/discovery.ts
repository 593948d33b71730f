/** What kubectl asks first: which groups, versions and resources there are. */
import type { ResourceSlots } from '../resource-slot.ts';
import { apiVersion } from '../resource-type.ts';
import type { ResourceType } from '../resource-type.ts';

export const serverVersion = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0-clustermesh-lab',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `${process.platform}/${process.arch}`,
};

export const coreVersions = { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };

export function groupList(slots: ResourceSlots): object {
  const groups = new Set(
    slots
      .types()
      .map(({ group }) => group)
      .filter((group) => group !== ''),
  );
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...groups].map((group) => describeGroup(slots, group)) };
}

/** Undefined when nothing of that group is served. */
export function groupOf(slots: ResourceSlots, group: string): object | undefined {
  const isServed = group !== '' && slots.types().some((type) => type.group === group);
  return isServed ? { kind: 'APIGroup', apiVersion: 'v1', ...describeGroup(slots, group) } : undefined;
}

function describeGroup(slots: ResourceSlots, group: string): object {
  const versions = groupVersions(slots)
    .filter((served) => served.group === group)
    .map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

export function groupVersions(slots: ResourceSlots): readonly { readonly group: string; readonly version: string }[] {
  const seen = new Map(
    slots
      .types()
      .flatMap((type) =>
        type.versions.map(({ name }) => [apiVersion(type, name), { group: type.group, version: name }]),
      ),
  );
  return [...seen.values()];
}

export function typesOf(slots: ResourceSlots, group: string, version: string): readonly ResourceType[] {
  return slots.types().filter((type) => type.group === group && type.versions.some(({ name }) => name === version));
}

/** Undefined when nothing of that group and version is served. */
export function resourceList(slots: ResourceSlots, group: string, version: string): object | undefined {
  const types = typesOf(slots, group, version);
  if (types.length === 0) return undefined;
  const groupVersion = apiVersion({ group }, version);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: types.flatMap(describeType) };
}

function describeType(type: ResourceType): readonly object[] {
  const { plural, singular, kind, namespaced, shortNames, categories, verbs } = type;
  const optional = {
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
  const subresource = (name: string, more: object): object => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    kind,
    verbs: ['get', 'patch', 'update'],
    ...more,
  });
  const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
  return [
    { name: plural, singularName: singular, namespaced, kind, verbs, ...optional },
    ...(type.hasStatus ? [subresource('status', {})] : []),
    ...(type.scale === undefined ? [] : [subresource('scale', scale)]),
    ...(isPods(type)
      ? [
          subresource('binding', { kind: 'Binding', verbs: ['create'] }),
          subresource('log', { verbs: ['get'] }),
          subresource('proxy', { kind: 'PodProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] }),
        ]
      : []),
  ];
}

export function isPods({ group, plural }: Pick<ResourceType, 'group' | 'plural'>): boolean {
  return group === '' && plural === 'pods';
}
