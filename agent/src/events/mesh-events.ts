import { nodes, referenceTo, services } from '@clustermesh/kube';
import type { EventRecorder, KubeClient, ObjectReference } from '@clustermesh/kube';
import { every, hasCode } from '@clustermesh/runtime';
import type { Clock, Health, Logger } from '@clustermesh/runtime';

import type { Pacer } from '../ingest/pacer.ts';
import type { AgentStatus } from '../status/agent-status.ts';
import type { PolicyState } from '../policy/policy-state.ts';
import { policyResources } from '../ingest/local-policies.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import { policyKey } from '../tables/policy-table.ts';
import { findTroubles } from './find-troubles.ts';
import { Troubles } from './trouble.ts';
import type { Trouble } from './trouble.ts';

export interface MeshEventsDeps {
  readonly kube: Pick<KubeClient, 'get'>;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly state: MeshState;
  readonly policy: Pick<PolicyState, 'policies'>;
  readonly status: () => AgentStatus;
  /** Before remote clusters have been read, everything is missing. */
  readonly isReady: () => boolean;
  readonly pacer: Pick<Pacer, 'pause'>;
  readonly clock: Clock;
  readonly health: Health;
  readonly log: Logger;
}

const lookMs = 10_000;
/** Each costs a question for the object's uid. */
const toldPerLook = 20;

/** Tells users, as Events at Services and at the node, what keeps the mesh from being what they expect. */
export class MeshEvents {
  readonly #deps: MeshEventsDeps;
  readonly #troubles = new Troubles();

  constructor(deps: MeshEventsDeps) {
    this.#deps = deps;
  }

  run(signal: AbortSignal): Promise<void> {
    return every(lookMs, (inner) => this.#look(inner), { ...this.#deps, name: 'mesh-events' }, signal);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { isReady, state, policy, status, pacer, clock, recorder } = this.#deps;
    if (!isReady()) return;
    const now = status();
    const found = await findTroubles(state, policy.policies.values(), now, pacer);
    const due = this.#troubles.tell(found, clock.monotonicMs(), toldPerLook);
    for (const { about, type, reason, message } of due) {
      const regarding = await this.#reference(about, now.node, signal);
      if (regarding !== undefined) recorder.record({ regarding, type, reason, message });
    }
  }

  /** kubectl shows only Events that name the object's uid. */
  async #reference(about: Trouble['about'], node: string, signal: AbortSignal): Promise<ObjectReference | undefined> {
    const { kube, policy } = this.#deps;
    if (isPolicy(about))
      return policy.policies.get(policyKey(about))?.uid === about.uid ? policyReference(about) : undefined;
    try {
      if (about.kind === 'Service') return referenceTo(services, await kube.get(services, about, signal));
      return referenceTo(nodes, await kube.get(nodes, { name: node }, signal));
    } catch (error) {
      if (hasCode(error, 'KUBE_NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

type PolicyAbout = Extract<Trouble['about'], { readonly uid: string }>;

function isPolicy(about: Trouble['about']): about is PolicyAbout {
  return 'uid' in about;
}

/** Its uid was told with it: nobody needs to be asked. */
function policyReference({ kind, namespace, name, uid }: PolicyAbout): ObjectReference {
  const metadata = { name, uid, ...(namespace === '' ? {} : { namespace }) };
  return referenceTo(policyResources[kind], { metadata });
}
