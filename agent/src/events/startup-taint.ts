import { nodes } from '@clustermesh/kube';
import type { KubeClient, Node } from '@clustermesh/kube';
import { describeError, isAborted } from '@clustermesh/runtime';
import type { Clock, HealthScope, Logger } from '@clustermesh/runtime';

export interface StartupTaintDeps {
  readonly kube: Pick<KubeClient, 'get' | 'patch'>;
  readonly node: string;
  /** Key of the taint; '' = there is none to remove. */
  readonly taint: string;
  /** Why pods are to wait, if they are. */
  readonly notReady: () => string | undefined;
  readonly clock: Clock;
  readonly health: HealthScope;
  readonly log: Logger;
}

const lookMs = 1_000;

/**
 * Takes the start-up taint off this node once remote clusters have been read: nodes come with it (kubelet's
 * `--register-with-taints`, or a node pool's setting), so that no pod starts before the mesh is there. Done once:
 * a taint that somebody sets later is theirs.
 */
export async function removeStartupTaint(deps: StartupTaintDeps, signal: AbortSignal): Promise<void> {
  while (deps.taint !== '' && !isAborted(signal)) {
    if (deps.notReady() === undefined && (await isDone(deps, signal))) return;
    await deps.clock.sleep(lookMs, signal);
  }
}

async function isDone(deps: StartupTaintDeps, signal: AbortSignal): Promise<boolean> {
  const { health, log, taint, node } = deps;
  try {
    if (await withoutTaint(deps, signal)) log.info({ node, taint }, 'start-up taint removed');
    health.ok();
    return true;
  } catch (error) {
    if (!isAborted(signal)) health.degraded(`remove taint ${taint} from node ${node}: ${describeError(error)}`);
    return false;
  }
}

/** False when the node has no such taint. */
async function withoutTaint({ kube, node: name, taint }: StartupTaintDeps, signal: AbortSignal): Promise<boolean> {
  const node: Node = await kube.get(nodes, { name }, signal);
  const before = node.spec?.taints ?? [];
  const after = before.filter(({ key }) => key !== taint);
  if (after.length === before.length) return false;
  // Somebody else may change the list meanwhile: then this is refused, and tried again.
  const patch = [
    { op: 'test', path: '/spec/taints', value: before },
    { op: 'replace', path: '/spec/taints', value: after },
  ];
  await kube.patch(nodes, { name }, patch, { kind: 'json' }, signal);
  return true;
}
