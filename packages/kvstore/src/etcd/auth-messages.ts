import { decodeHeaderOnly } from './messages.ts';
import type { Header } from './messages.ts';
import { ProtoReader } from './proto-reader.ts';
import { ProtoWriter } from './proto-writer.ts';

/** Messages of etcd's Auth service, as messages.ts. Users have no password: their certificate's name is who they are. */

export interface RoleGrant {
  readonly role: string;
  readonly permission: 'read' | 'write' | 'readwrite';
  readonly key: string;
  /** Exclusive; empty: the key alone. */
  readonly rangeEnd: string;
}

const permissionTypes = { read: 0, write: 1, readwrite: 2 } as const;

export function encodeNothing(_request: undefined): Buffer {
  return Buffer.alloc(0);
}

export function encodeUserAdd(name: string): Buffer {
  const writer = new ProtoWriter();
  writer.message(3, () => writer.bool(1, true));
  writer.latin1(1, name);
  return writer.finish();
}

/** UserDelete and RoleAdd. */
export function encodeName(name: string): Buffer {
  const writer = new ProtoWriter();
  writer.latin1(1, name);
  return writer.finish();
}

export function encodeAuthenticate({ name, password }: { readonly name: string; readonly password: string }): Buffer {
  const writer = new ProtoWriter();
  writer.latin1(2, password);
  writer.latin1(1, name);
  return writer.finish();
}

export function encodeUserGrantRole({ user, role }: { readonly user: string; readonly role: string }): Buffer {
  const writer = new ProtoWriter();
  writer.latin1(2, role);
  writer.latin1(1, user);
  return writer.finish();
}

export function encodeRoleGrant(grant: RoleGrant): Buffer {
  const writer = new ProtoWriter();
  writer.message(2, () => {
    writer.latin1(3, grant.rangeEnd);
    writer.latin1(2, grant.key);
    writer.uint64(1, permissionTypes[grant.permission]);
  });
  writer.latin1(1, grant.role);
  return writer.finish();
}

/** UserListResponse. */
export function decodeNames(bytes: Buffer): { readonly header: Header; readonly names: readonly string[] } {
  const { header } = decodeHeaderOnly(bytes);
  const reader = new ProtoReader(bytes);
  const names: string[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) names.push(reader.latin1());
    else reader.skip();
  }
  return { header, names };
}
