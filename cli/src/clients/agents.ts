import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import { nodes, pods } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';

import { agentName } from '../mesh-status/collect.ts';
import type { StatusSource } from '../mesh-status/collect.ts';

/** How the agent of a node is asked: its socket on this machine (the lab), or a command inside its pod. */
export type AgentAccess =
  | { readonly node: string; readonly kind: 'socket'; readonly path: string }
  | { readonly node: string; readonly kind: 'exec'; readonly pod: string };

/** The lab tells where it keeps a node's socket; nodes of real clusters do not have it. */
const socketAnnotation = 'lab.clustermesh.io/agent-socket';

/** The agents of a cluster, or of one of its nodes. */
export async function findAgents(source: StatusSource, node: string | undefined): Promise<readonly AgentAccess[]> {
  const { kube, context, namespace } = source;
  const { items } = await kube.list(pods, { namespace, labelSelector: `app.kubernetes.io/name=${agentName}` });
  const sockets = new Map(
    (await kube.list(nodes)).items.map(({ metadata }) => [metadata.name, metadata.annotations?.[socketAnnotation]]),
  );
  const agents = items.flatMap(({ metadata, spec }): readonly AgentAccess[] => {
    const name = spec.nodeName;
    if (name === undefined || (node !== undefined && node !== name)) return [];
    const path = sockets.get(name);
    return [
      path === undefined ? { node: name, kind: 'exec', pod: metadata.name } : { node: name, kind: 'socket', path },
    ];
  });
  if (agents.length > 0) return agents.toSorted((a, b) => (a.node < b.node ? -1 : 1));
  const where = node === undefined ? context : `node ${node} of ${context}`;
  throw new MeshError('KUBE_NOT_FOUND', `find an agent on ${where}: no pod ${agentName} in namespace ${namespace}`);
}

/** Of a cluster, as kubectl is told it. */
type KubectlAccess = Pick<StatusSource, 'context' | 'namespace' | 'kubeconfig'>;

/** Runs this very command in the agent's pod, through kubectl, which has every way to authenticate that there is. */
export async function inspectInPod(access: KubectlAccess, pod: string, argv: readonly string[]): Promise<unknown> {
  const { child, ended, failed } = startInPod(access, pod, argv);
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]).catch(failed);
  try {
    if (code === 0) return JSON.parse(output) as unknown;
  } catch (error) {
    return failed(error);
  }
  return failed(new MeshError('COMMAND_FAILED', errors.trim()));
}

/** The same of a command that prints a line of JSON for each thing that it tells, until abort. */
export async function* followInPod(
  access: KubectlAccess,
  pod: string,
  argv: readonly string[],
  signal: AbortSignal,
): AsyncGenerator {
  const { child, ended, failed } = startInPod(access, pod, argv);
  const stop = (): void => void child.kill();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const errors = text(child.stderr);
    for await (const line of createInterface({ input: child.stdout }))
      if (line !== '') yield JSON.parse(line) as unknown;
    const code = await ended.catch(failed);
    if (code !== 0 && !signal.aborted) failed(new MeshError('COMMAND_FAILED', (await errors).trim()));
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

function startInPod({ context, namespace, kubeconfig }: KubectlAccess, pod: string, argv: readonly string[]) {
  const access = ['--context', context, ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig])];
  const command = [...access, '-n', namespace, 'exec', pod, '--', 'clustermesh', ...argv, '-o', 'json'];
  const child = spawn('kubectl', command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  // Whoever leaves early does not wait for it.
  ended.catch(() => undefined);
  const failed = (cause: unknown): never => {
    throw new MeshError('COMMAND_FAILED', `run kubectl ${command.join(' ')}`, { cause, retryable: true });
  };
  return { child, ended, failed };
}
