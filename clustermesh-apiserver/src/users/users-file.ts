import { parse } from 'yaml';
import { z } from 'zod';

import { refuse, ok } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';
import { etcdUsers, rbacRoles } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

/** One line of the file: who comes with a certificate of this common name may do what the role may. */
export interface ClusterUser {
  readonly name: string;
  readonly role: string;
}

const schema = z.object({
  users: z
    .array(z.object({ name: z.string().min(1).max(253), role: z.string().min(1) }))
    .nullish()
    .transform((users) => users ?? []),
});

/**
 * `users: [{ name: remote-<peer>, role: remote }]`, Cilium's ConfigMap `clustermesh-remote-users` (protocol.md §6.3). The users
 * that the mesh itself needs are not the file's to give or to take, nor is a role that writes.
 */
export function parseUsersFile(text: string, cluster: ClusterName): Result<readonly ClusterUser[]> {
  const parsed = schema.safeParse(readYaml(text) ?? {});
  if (!parsed.success) return refuse(`no list of users: ${z.prettifyError(parsed.error)}`);
  const ours = new Set([etcdUsers.root, etcdUsers.admin(cluster), etcdUsers.local(cluster), etcdUsers.agent(cluster)]);
  for (const { name, role } of parsed.data.users) {
    if (ours.has(name)) return refuse(`${name} is a user of the mesh itself`);
    if (!rbacRoles.some((known) => known === role)) return refuse(`user ${name} has the unknown role ${role}`);
  }
  return ok(parsed.data.users);
}

/** What is no YAML is no mapping either. */
function readYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}
