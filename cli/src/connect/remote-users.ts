import { configMaps } from '@clustermesh/kube';
import type { ConfigMap, KubeClient } from '@clustermesh/kube';
import { MeshError, hasCode } from '@clustermesh/runtime';
import { parse, stringify } from 'yaml';

import { readerUser } from './auth-mode.ts';
import type { LinkTarget } from './link-target.ts';

/** The list of users that an apiserver keeps in its etcd (protocol.md §6.3), mounted as a file. */
export const remoteUsersConfigMap = 'clustermesh-remote-users';
const usersFile = 'users.yaml';

interface UserList {
  readonly users?: readonly { readonly name?: unknown }[] | null;
}

export async function hasUserList(kube: KubeClient, namespace: string): Promise<boolean> {
  return (await readList(kube, namespace)) !== undefined;
}

/** Puts `reader` on the list; whether that changed it. Without a list everybody is `remote`, and nothing is to do. */
export function admitReader(target: LinkTarget, reader: string): Promise<boolean> {
  const entry = { name: readerUser(reader), role: 'remote' };
  return edit(target, (users) => (users.some(({ name }) => name === entry.name) ? users : [...users, entry]));
}

/** Takes `reader` off the list; whether it was on it. */
export function expelReader(target: LinkTarget, reader: string): Promise<boolean> {
  return edit(target, (users) => users.filter(({ name }) => name !== readerUser(reader)));
}

async function edit(
  { kube, namespace, isDryRun }: LinkTarget,
  change: (users: readonly { readonly name?: unknown }[]) => readonly object[],
): Promise<boolean> {
  const object = await readList(kube, namespace);
  if (object === undefined) return false;
  const list = parseList(object, namespace);
  const before = list.users ?? [];
  const after = change(before);
  if (after.length === before.length) return false;
  const text = stringify({ ...list, users: after });
  // Not a patch: what somebody else changed meanwhile is a conflict, and not lost.
  if (!isDryRun) await kube.update(configMaps, { ...object, data: { ...object.data, [usersFile]: text } });
  return true;
}

async function readList(kube: KubeClient, namespace: string): Promise<ConfigMap | undefined> {
  try {
    return await kube.get(configMaps, { namespace, name: remoteUsersConfigMap });
  } catch (error) {
    if (hasCode(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  }
}

function parseList({ data }: ConfigMap, namespace: string): UserList {
  const wrong = `ConfigMap ${namespace}/${remoteUsersConfigMap}: ${usersFile} is no list of users`;
  let list: UserList | null;
  try {
    list = parse(data?.[usersFile] ?? '') as UserList | null;
  } catch (cause) {
    throw new MeshError('CONFIG_INVALID', wrong, { cause });
  }
  if (list === null) return {};
  if (typeof list !== 'object' || Array.isArray(list) || !Array.isArray(list.users ?? []))
    throw new MeshError('CONFIG_INVALID', wrong);
  return list;
}
