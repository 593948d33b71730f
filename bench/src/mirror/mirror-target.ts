import type { MirrorRoute } from '../../floors/mirror.ts';

/** What looks at a target from outside, in a process of its own. */
export interface TargetWatcher {
  /** Of changes below these prefixes from now on. */
  follow(prefixes: readonly string[]): Promise<void>;
  /** Keys that were put or deleted since the last time, each as often as it was. */
  take(): Promise<readonly string[]>;
  count(prefix: string): Promise<number>;
  /** Those that are there now: asking for a few costs a store less than a follower does, who may hear of all that is written. */
  keys(prefix: string): Promise<readonly string[]>;
}

/** An empty store, into which everything is copied. */
export interface MirrorTarget {
  /** How kvstoremesh is told of it: the client file of its etcd, and flags. */
  readonly clientFile: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly watcher: TargetWatcher;
  /** The floor; how many keys it copied. */
  copyBarely(routes: readonly MirrorRoute[]): Promise<number>;
}

/** Started anew for each copy. */
export interface TargetKind {
  readonly description: string;
  start(stack: AsyncDisposableStack, signal: AbortSignal): Promise<MirrorTarget>;
}
