import { renderDuration } from '../render/duration.ts';
import type { DatapathUse } from './agent-views.ts';
import type { CacheUse } from './cache-use.ts';
import type { PolicyUse } from './policy-use.ts';

/**
 * How this cluster stands to a remote one.
 * - `ready`: connected, everything mirrored.
 * - `connecting`: on its way, nothing has failed.
 * - `stale`: contact is lost; what was learnt before stays in use, as old as `age` says.
 * - `failed`: never reached; `error` says why.
 * - `draining`: removed from the configuration, its entries are being deleted, or will be after the grace.
 * - `unknown`: configured, but no kvstoremesh answers that could tell.
 */
export type RemoteState = 'ready' | 'connecting' | 'stale' | 'failed' | 'draining' | 'unknown';

export interface RemoteStatus {
  readonly name: string;
  readonly id?: number;
  readonly state: RemoteState;
  readonly ready: boolean;
  /** Since the last contact. */
  readonly age?: string;
  /** What is done with its backends, the worst of all agents: `withdrawn` ones are used only where there are no others. */
  readonly datapath?: DatapathUse;
  readonly lastContact?: string;
  readonly nodes: number;
  readonly endpoints: number;
  readonly identities: number;
  readonly services: number;
  readonly errorCode?: string;
  readonly error?: string;
  /** What is not mirrored, or late, although the cluster is connected: one line each. */
  readonly notes?: readonly string[];
}

export interface MeshStatus {
  readonly cluster: { readonly name: string; readonly id: number };
  readonly apiserver: Replicas;
  readonly agents: Replicas;
  /** As the agents tell; absent where none does. */
  readonly policy?: PolicyUse;
  /** Where copies of other clusters are kept; absent where that is the cluster's etcd. */
  readonly cache?: NonNullable<CacheUse['cache']>;
  readonly clusters: readonly RemoteStatus[];
  /** Everything else that is not as it should be, one line each. */
  readonly problems: readonly string[];
  /** Worth knowing, and no reason not to be ready. */
  readonly notices: readonly string[];
}

export interface Replicas {
  readonly ready: number;
  readonly wanted: number;
  /** Not installed at all. */
  readonly isMissing?: boolean;
}

/** `GET /v1/cluster` of kvstoremesh, the part that is shown. Another version may leave any of it out. */
export interface MirrorStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly connected?: boolean;
  readonly state?: string;
  readonly 'num-nodes'?: number;
  readonly 'num-endpoints'?: number;
  readonly 'num-identities'?: number;
  readonly 'num-shared-services'?: number;
  readonly 'last-error'?: string;
  readonly 'last-error-code'?: string;
  readonly 'last-contact'?: string;
  readonly config?: { readonly 'cluster-id'?: number };
  readonly 'over-quota'?: { readonly count: number; readonly reason: string };
  readonly 'not-written'?: { readonly reason: string; readonly pending: number };
  readonly malformed?: { readonly count: number; readonly example: string };
  readonly throttled?: { readonly pending: number; readonly seconds: number };
}

export function isMeshReady({ apiserver, agents, clusters, problems }: MeshStatus): boolean {
  const replicas = [apiserver, agents].every(({ ready, wanted }) => ready >= wanted);
  return replicas && problems.length === 0 && clusters.every(({ ready }) => ready);
}

/** @param now wall clock, milliseconds */
export function remoteStatus(mirror: MirrorStatus, now: number): RemoteStatus {
  const state = remoteState(mirror);
  const lastContact = mirror['last-contact'];
  const id = mirror.config?.['cluster-id'];
  const error = state === 'ready' ? undefined : mirror['last-error'];
  const errorCode = state === 'ready' ? undefined : mirror['last-error-code'];
  const notes = notesOf(mirror);
  return {
    name: mirror.name,
    ...(id === undefined ? {} : { id }),
    state,
    ready: state === 'ready',
    ...(lastContact === undefined ? {} : { age: renderDuration(now - Date.parse(lastContact)), lastContact }),
    nodes: mirror['num-nodes'] ?? 0,
    endpoints: mirror['num-endpoints'] ?? 0,
    identities: mirror['num-identities'] ?? 0,
    services: mirror['num-shared-services'] ?? 0,
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(error === undefined ? {} : { error }),
    ...notes,
  };
}

function notesOf(mirror: MirrorStatus): Pick<RemoteStatus, 'notes'> {
  const { 'over-quota': overQuota, 'not-written': notWritten, malformed, throttled } = mirror;
  const notes = [
    notWritten && `the cache is not written, ${notWritten.pending} entries wait: ${notWritten.reason}`,
    overQuota?.reason,
    malformed && `${malformed.count} malformed keys passed over, for example ${malformed.example}`,
    throttled && `changes faster than the limit: ${throttled.pending} entries are late`,
  ].filter((note) => note !== undefined);
  return notes.length === 0 ? {} : { notes };
}

function remoteState(mirror: MirrorStatus): RemoteState {
  if (mirror.state === 'leaving' || mirror.state === 'draining') return 'draining';
  if (mirror.connected === true) return mirror.ready === true ? 'ready' : 'connecting';
  if (mirror['last-contact'] !== undefined) return 'stale';
  return mirror['last-error'] === undefined ? 'connecting' : 'failed';
}

const severity: readonly RemoteState[] = ['ready', 'connecting', 'draining', 'unknown', 'stale', 'failed'];

/** Several replicas see a cluster differently: the worst view is the one to know of. */
export function worstViews(views: readonly RemoteStatus[]): readonly RemoteStatus[] {
  const worst = new Map<string, RemoteStatus>();
  for (const view of views) {
    const other = worst.get(view.name);
    if (other === undefined || severity.indexOf(view.state) > severity.indexOf(other.state)) worst.set(view.name, view);
  }
  return [...worst.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
