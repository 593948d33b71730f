import type { KvStore } from '@clustermesh/kvstore';
import { runAll } from '@clustermesh/runtime';

import type { LocalCluster } from '../map/local-cluster.ts';
import { LeaderElection } from './leader-election.ts';
import { PublisherClaim } from './publisher-claim.ts';
import type { ClaimDeps } from './publisher-claim.ts';

export interface WriteAccessDeps extends ClaimDeps {
  /** Several replicas share the etcd: one of them publishes. */
  readonly isElected: boolean;
}

/** When this process may publish: its cluster has the etcd, and of its replicas it is the one. */
export class WriteAccess {
  readonly #claim: PublisherClaim;
  readonly #election: LeaderElection | undefined;

  constructor(cluster: LocalCluster, deps: WriteAccessDeps) {
    this.#claim = new PublisherClaim(cluster, deps);
    this.#election = deps.isElected ? new LeaderElection(deps) : undefined;
  }

  /** What is wrong; a replica that waits for its turn has no problem. */
  get problem(): string | undefined {
    return this.#claim.problem;
  }

  /** Another replica publishes, or may. */
  get isStandby(): boolean {
    return this.#election?.isLeader === false;
  }

  guard(kv: KvStore): KvStore {
    return this.#claim.guard(this.#election?.guard(kv) ?? kv);
  }

  async held(signal: AbortSignal): Promise<void> {
    await this.#claim.held(signal);
    await this.#election?.held(signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    await runAll([(inner) => this.#claim.run(inner), (inner) => this.#elect(inner)], signal);
  }

  /** Among replicas of one cluster only. */
  async #elect(signal: AbortSignal): Promise<void> {
    await this.#claim.held(signal);
    await this.#election?.run(signal);
  }
}
