import type { Replicas } from './mesh-status.ts';

/** A component that lacks replicas, in one line: what is the matter, and the command that shows or ends it. */
export function whyNotReady(
  { app, kind }: { readonly app: string; readonly kind: 'deployment' | 'daemonset' },
  { ready, wanted, isMissing = false }: Replicas,
  { context, namespace }: { readonly context: string; readonly namespace: string },
): readonly string[] {
  if (isMissing) return [`${kind} ${app} is missing in namespace ${namespace}: install it (deploy/README.md)`];
  if (ready >= wanted) return [];
  const look = `kubectl --context ${context} -n ${namespace} describe pod -l app.kubernetes.io/name=${app}`;
  return [`${app} has ${ready} of ${wanted} pods ready: ${look}`];
}
