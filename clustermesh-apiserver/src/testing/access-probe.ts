import { EtcdCalls, protoFields, protoMessage } from '@clustermesh/testkit';
import type { CallOutcome, ProtoFields } from '@clustermesh/testkit';

import { presentedTo } from './client-certificates.ts';
import { MeshEtcd } from './mesh-etcd.ts';

export type Access = 'read' | 'watch' | 'put' | 'delete';
/** One request, as one user. */
export type Call = (path: string, request: ProtoFields) => Promise<CallOutcome>;

/** Of a connection that the server ended in its handshake, which with TLS 1.3 shows in the first request. */
const refusedByTls = /alert|ECONNRESET|socket hang up|GOAWAY|session|stream/i;
/** Also in the reason for which a watch is ended. */
const refusal = /permission denied|user name is empty|user (name )?not found/i;
/** What was asked for does not exist or makes no sense there: whether it may be asked was decided before. */
const harmless = /(member|lease|role name) not found|bad leader transferee|has been compacted/i;

/** An etcd of cluster `c1` as etcdinit leaves it, with the user `remote-c2`, and connections as whoever is asked for. */
export class AccessProbe implements AsyncDisposable {
  readonly #etcd: MeshEtcd;
  readonly #connections = new Map<string, Promise<EtcdCalls>>();

  private constructor(etcd: MeshEtcd) {
    this.#etcd = etcd;
  }

  static async start(): Promise<AccessProbe> {
    const etcd = await MeshEtcd.start('c1');
    await etcd.ctl('user', 'add', 'remote-c2', '--no-password');
    await etcd.ctl('user', 'grant-role', 'remote-c2', 'remote');
    return new AccessProbe(etcd);
  }

  /** `3.4`, `3.5`. */
  async version(): Promise<string> {
    const call = await this.as('root');
    const { reply } = await call('/etcdserverpb.Maintenance/Status', {});
    return String(protoFields(reply).get(2)).split('.').slice(0, 2).join('.');
  }

  /** `keys` that end in `*` are a range, asked for at once. */
  async mayAccess(user: string, access: Access, keys: string): Promise<boolean> {
    const isRange = keys.endsWith('*');
    const prefix = isRange ? keys.slice(0, -1) : keys;
    const range = isRange ? { 1: prefix === '' ? '\0' : prefix, 2: endOf(prefix) } : { 1: keys };
    const call = await this.as(user);
    switch (access) {
      case 'read':
        return isAllowed(await call('/etcdserverpb.KV/Range', { ...range, 3: 1 }));
      case 'watch':
        return isAllowed(await call('/etcdserverpb.Watch/Watch', { 1: protoMessage(range) }), watchEnd);
      case 'put':
        return isAllowed(await call('/etcdserverpb.KV/Put', { 1: isRange ? `${prefix}x` : keys, 2: 'x' }));
      case 'delete':
        return isAllowed(await call('/etcdserverpb.KV/DeleteRange', range));
    }
  }

  /** What etcd takes a client for that presents what docs/access.md says. */
  async whoIs(presented: string): Promise<string> {
    try {
      using calls = await EtcdCalls.connect(this.#etcd.endpoint, await presentedTo(this.#etcd, presented));
      return await recognised((path, request) => calls.call(path, request));
    } catch (error) {
      if (refusedByTls.test(String(error))) return 'refused';
      throw error;
    }
  }

  async as(user: string): Promise<Call> {
    let connection = this.#connections.get(user);
    if (connection === undefined) {
      const presented = user === 'without a name' ? 'one without a name' : `one for ${user}`;
      connection = presentedTo(this.#etcd, presented).then((tls) => EtcdCalls.connect(this.#etcd.endpoint, tls));
      this.#connections.set(user, connection);
    }
    const calls = await connection;
    return (path, request) => calls.call(path, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections.values()) (await connection)[Symbol.dispose]();
    await this.#etcd[Symbol.asyncDispose]();
  }
}

/** Throws for an answer that says neither. */
export function isAllowed(outcome: CallOutcome, cancelReason?: (reply: Buffer) => string): boolean {
  const text = outcome.status === 0 ? (cancelReason?.(outcome.reply) ?? '') : outcome.text;
  if (refusal.test(text)) return false;
  if ((outcome.status === 0 && text === '') || harmless.test(text)) return true;
  throw new Error(`an answer that decides nothing: ${outcome.status} ${text}`);
}

function watchEnd(reply: Buffer): string {
  return String(protoFields(reply).get(6) ?? '');
}

/** By what it may read. */
async function recognised(call: Call): Promise<string> {
  const state = isAllowed(await call('/etcdserverpb.KV/Range', { 1: 'cilium/state/x' }));
  const cache = isAllowed(await call('/etcdserverpb.KV/Range', { 1: 'cilium/cache/x' }));
  if (cache) return 'more than a remote';
  return state ? 'remote' : 'stranger';
}

/** Of a prefix, as etcd's clients write it; the range of everything ends with a zero byte. */
function endOf(prefix: string): string {
  if (prefix === '') return '\0';
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
