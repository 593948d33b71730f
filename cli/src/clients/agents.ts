import { spawn } from 'node:child_process';
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

/** Runs this very command in the agent's pod, through kubectl, which has every way to authenticate that there is. */
export async function inspectInPod(
  { context, namespace, kubeconfig }: Pick<StatusSource, 'context' | 'namespace' | 'kubeconfig'>,
  pod: string,
  argv: readonly string[],
): Promise<unknown> {
  const access = ['--context', context, ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig])];
  const command = [...access, '-n', namespace, 'exec', pod, '--', 'clustermesh', ...argv, '-o', 'json'];
  const child = spawn('kubectl', command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  try {
    const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    if (code === 0) return JSON.parse(output) as unknown;
    throw new MeshError('COMMAND_FAILED', errors.trim());
  } catch (error) {
    throw new MeshError('COMMAND_FAILED', `run kubectl ${command.join(' ')}`, { cause: error });
  }
}
