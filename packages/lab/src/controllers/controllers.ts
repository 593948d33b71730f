import type { KubeClient } from '@clustermesh/kube';
import { objectKey } from '@clustermesh/kube';

import type { ClusterView, WatchedType } from '../cluster-view.ts';
import { ReconcileLoop } from '../reconcile-loop.ts';
import type { LoopDeps } from '../reconcile-loop.ts';
import { applyActions } from './action.ts';
import type { Action } from './action.ts';
import { reconcileDaemonSets } from './daemon-set.ts';
import { reconcileDeployments } from './deployment.ts';
import { reconcileEndpointSlices } from './endpoint-slices.ts';
import { reconcileLoadBalancers } from './load-balancer.ts';
import { schedulePods } from './scheduler.ts';

interface Controller {
  readonly name: string;
  readonly watches: readonly WatchedType[];
  readonly plan: (view: ClusterView) => readonly Action[];
}

export interface ControllerDeps extends LoopDeps {
  readonly client: KubeClient;
  readonly view: ClusterView;
}

const createdPollMs = 5;
const createdDeadlineMs = 2000;

/** What kube-controller-manager does in real clusters; not needed where the real one runs. */
export function workloadControllers({ random }: Pick<LoopDeps, 'random'>): readonly Controller[] {
  return [
    {
      name: 'deployments',
      watches: ['deployments', 'pods'],
      plan: (view) => reconcileDeployments(view.list('deployments'), view.list('pods'), random),
    },
    {
      name: 'daemonsets',
      watches: ['daemonSets', 'nodes', 'pods'],
      plan: (view) =>
        reconcileDaemonSets(
          { daemonSets: view.list('daemonSets'), nodes: view.list('nodes'), pods: view.list('pods') },
          random,
        ),
    },
    {
      name: 'endpointslices',
      watches: ['services', 'pods', 'nodes', 'endpointSlices'],
      plan: (view) =>
        reconcileEndpointSlices({
          services: view.list('services'),
          pods: view.list('pods'),
          nodes: view.list('nodes'),
          slices: view.list('endpointSlices'),
        }),
    },
  ];
}

/** What kube-scheduler and a cloud's load balancer do: the lab's own in any case. */
export const infrastructureControllers: readonly Controller[] = [
  {
    name: 'scheduler',
    watches: ['pods', 'nodes'],
    plan: (view) => schedulePods(view.list('nodes'), view.list('pods')),
  },
  {
    name: 'loadbalancers',
    watches: ['services', 'pods'],
    plan: (view) => reconcileLoadBalancers(view.list('services'), view.list('pods')),
  },
];

export async function runControllers(
  controllers: readonly Controller[],
  deps: ControllerDeps,
  signal: AbortSignal,
): Promise<void> {
  await deps.view.synced;
  await Promise.all(controllers.map((controller) => runController(controller, deps, signal)));
}

async function runController(
  { name, watches, plan }: Controller,
  deps: ControllerDeps,
  signal: AbortSignal,
): Promise<void> {
  const { client, view } = deps;
  const reconcile = async (): Promise<void> => {
    const actions = plan(view);
    await applyActions(client, actions, signal);
    await untilCreatedIsSeen(actions, deps, signal);
  };
  const loop = new ReconcileLoop(name, reconcile, deps);
  view.follow(watches, () => loop.trigger());
  await loop.run(signal);
}

/**
 * Names of pods are random, so a second look at a view that does not have the new ones yet would make more of them.
 * The deadline is for a pod that was deleted again before it was ever seen.
 */
async function untilCreatedIsSeen(
  actions: readonly Action[],
  { view, clock }: ControllerDeps,
  signal: AbortSignal,
): Promise<void> {
  const keys = actions
    .filter(({ kind, type }) => kind === 'create' && type === 'pods')
    .map(({ object }) => objectKey(object));
  const deadline = clock.monotonicMs() + createdDeadlineMs;
  while (keys.some((key) => view.get('pods', key) === undefined) && clock.monotonicMs() < deadline) {
    await clock.sleep(createdPollMs, signal);
    if (signal.aborted) return;
  }
}
