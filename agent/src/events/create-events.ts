import { EventRecorder } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger } from '@clustermesh/runtime';

import type { Pacer } from '../ingest/pacer.ts';
import type { AgentStatus } from '../status/agent-status.ts';
import type { PolicyState } from '../policy/policy-state.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import { MeshEvents } from './mesh-events.ts';
import { NodeCondition } from './node-condition.ts';
import { removeStartupTaint } from './startup-taint.ts';

export interface EventsDeps {
  readonly kube: KubeClient;
  readonly startupTaint: string;
  readonly state: MeshState;
  readonly policy: Pick<PolicyState, 'policies'>;
  readonly status: () => AgentStatus;
  readonly notReady: () => string | undefined;
  readonly pacer: Pick<Pacer, 'pause'>;
  readonly clock: Clock;
  readonly health: Health;
  readonly log: Logger;
}

/** What the agent says in the Kubernetes API: Events, its node's condition, and that pods may start. */
export function createEvents(deps: EventsDeps): { run(signal: AbortSignal): Promise<void> } {
  const { health, startupTaint: taint } = deps;
  const { node } = deps.status();
  const component = 'clustermesh-agent';
  const recorder = new EventRecorder({ ...deps, component, host: node, health: health.scope('events') });
  const events = new MeshEvents({ ...deps, recorder, isReady: () => deps.notReady() === undefined });
  const condition = new NodeCondition(deps);
  const startup = { ...deps, node, taint, health: health.scope('startup-taint') };
  return {
    run: (signal) =>
      runAll(
        [
          (inner) => recorder.run(inner),
          (inner) => events.run(inner),
          (inner) => condition.run(inner),
          (inner) => removeStartupTaint(startup, inner),
        ],
        signal,
      ),
  };
}
