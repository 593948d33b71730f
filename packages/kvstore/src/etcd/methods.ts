import {
  decodeNames,
  encodeAuthenticate,
  encodeName,
  encodeNothing,
  encodeRoleGrant,
  encodeUserAdd,
  encodeUserGrantRole,
} from './auth-messages.ts';
import { decodePage } from './listed-page.ts';
import {
  decodeHeaderOnly,
  decodeLease,
  decodeRange,
  decodeTxn,
  decodeWatch,
  encodeLeaseGrant,
  encodeLeaseId,
  encodeRange,
  encodeTxn,
  encodeWatchCreate,
} from './messages.ts';
import type { Header } from './messages.ts';

export interface Method<Request, Response> {
  readonly path: string;
  readonly encode: (request: Request) => Buffer;
  readonly decode: (bytes: Buffer) => Response;
}

/** Every reply of etcd that we read carries the id of the cluster that gave it. */
export interface WithHeader {
  readonly header: Header;
}

function method<Request, Response>(
  path: string,
  encode: (request: Request) => Buffer,
  decode: (bytes: Buffer) => Response,
): Method<Request, Response> {
  return { path: `/etcdserverpb.${path}`, encode, decode };
}

export const range = method('KV/Range', encodeRange, decodeRange);
export const listPage = method('KV/Range', encodeRange, decodePage);
export const txn = method('KV/Txn', encodeTxn, decodeTxn);
export const watch = method('Watch/Watch', encodeWatchCreate, decodeWatch);
export const leaseGrant = method('Lease/LeaseGrant', encodeLeaseGrant, decodeLease);
export const leaseRevoke = method('Lease/LeaseRevoke', encodeLeaseId, decodeHeaderOnly);
export const leaseKeepAlive = method('Lease/LeaseKeepAlive', encodeLeaseId, decodeLease);
export const authenticate = method('Auth/Authenticate', encodeAuthenticate, decodeHeaderOnly);
export const authEnable = method('Auth/AuthEnable', encodeNothing, decodeHeaderOnly);
export const userAdd = method('Auth/UserAdd', encodeUserAdd, decodeHeaderOnly);
export const userDelete = method('Auth/UserDelete', encodeName, decodeHeaderOnly);
export const userList = method('Auth/UserList', encodeNothing, decodeNames);
export const userGrantRole = method('Auth/UserGrantRole', encodeUserGrantRole, decodeHeaderOnly);
export const roleAdd = method('Auth/RoleAdd', encodeName, decodeHeaderOnly);
export const roleGrantPermission = method('Auth/RoleGrantPermission', encodeRoleGrant, decodeHeaderOnly);
