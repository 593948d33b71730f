/**
 * The life of one remote cluster (docs/spec/remote-cluster.md).
 *
 *            ┌──────────────────────────── retry ─────────────────────────────┐
 *            ▼                                                                │
 *   ┌─► connecting ── connected ──► configuring ── configured ──► syncing ── synced ──► ready
 *   │        │                        │   ▲                          │                    │
 *   │        │                        │   └───── config-changed ─────┼────────────────────┤
 *   │        └── failed ──────────────┴──► waiting ◄───── failed ────┴────────────────────┘
 *   │
 *   └── file-changed ── any state but the last two ── file-unusable ──► unusable
 *                                 │
 *                                 └── file-removed ──► leaving ── grace-over ──► draining ── drained ──► removed
 *
 * Only draining deletes data: in every other state what was mirrored stays (I3, I4).
 */
export const states = [
  /** Dialling; nothing has been heard. */
  'connecting',
  /** The store answers; its cluster config is awaited, checked and copied. */
  'configuring',
  /** Kinds are mirrored, some not completely. */
  'syncing',
  'ready',
  /** Failed; the next attempt comes after a delay. */
  'waiting',
  /** The file cannot be used; only another file helps. */
  'unusable',
  /** The file is gone. One that comes back within the grace finds everything as it was. */
  'leaving',
  /** What was mirrored is deleted. */
  'draining',
  /** Nothing is left. A cluster that comes again begins a new life. */
  'removed',
] as const;
export type RemoteClusterState = (typeof states)[number];

export const events = [
  'connected',
  /** The cluster config is valid and copied. */
  'configured',
  /** Every kind is in the cache, with its canary. */
  'synced',
  /** The source announces another cluster config. */
  'config-changed',
  'failed',
  'retry',
  /** The file has other content, or a certificate it names while we wait after a failure. */
  'file-changed',
  'file-unusable',
  'file-removed',
  'grace-over',
  'drained',
] as const;
export type RemoteClusterEvent = (typeof events)[number];

type Row = Readonly<Record<RemoteClusterEvent, RemoteClusterState>>;

/** What matters in `state`; whatever else happens there comes too late and changes nothing. */
function row(state: RemoteClusterState, changes: Partial<Row>): Row {
  return { ...(Object.fromEntries(events.map((event) => [event, state])) as unknown as Row), ...changes };
}

const file = { 'file-changed': 'connecting', 'file-unusable': 'unusable', 'file-removed': 'leaving' } as const;
const reconfigure = { 'config-changed': 'configuring' } as const;

export const transitions: Readonly<Record<RemoteClusterState, Row>> = {
  connecting: row('connecting', { ...file, connected: 'configuring', failed: 'waiting' }),
  configuring: row('configuring', { ...file, configured: 'syncing', failed: 'waiting' }),
  syncing: row('syncing', { ...file, ...reconfigure, synced: 'ready', failed: 'waiting' }),
  ready: row('ready', { ...file, ...reconfigure, failed: 'waiting' }),
  waiting: row('waiting', { ...file, retry: 'connecting' }),
  unusable: row('unusable', file),
  leaving: row('leaving', { ...file, 'grace-over': 'draining' }),
  draining: row('draining', { drained: 'removed' }),
  removed: row('removed', {}),
};

export function nextState(state: RemoteClusterState, event: RemoteClusterEvent): RemoteClusterState {
  return transitions[state][event];
}

/** Has the remote store answered since the last failure? */
export function isConnected(state: RemoteClusterState): boolean {
  return state === 'configuring' || state === 'syncing' || state === 'ready';
}

/** Is its file gone? */
export function isRemoved(state: RemoteClusterState): boolean {
  return state === 'leaving' || state === 'draining' || state === 'removed';
}
