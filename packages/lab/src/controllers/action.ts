import { daemonSets, deployments, endpointSlices, podBindings, pods, services } from '@clustermesh/kube';
import type { KubeClient, KubeObject, Resource } from '@clustermesh/kube';
import { hasCode } from '@clustermesh/runtime';

const resources = {
  pods,
  podBindings,
  services,
  deployments,
  daemonSets,
  endpointSlices,
} satisfies Record<string, Resource<KubeObject>>;

/** What a controller wants done. Pure functions return them; safe to repeat, and to be late. */
export type Action =
  | { readonly kind: 'create' | 'update' | 'delete'; readonly type: ActionType; readonly object: KubeObject }
  | { readonly kind: 'status'; readonly type: ActionType; readonly object: KubeObject; readonly status: object }
  | { readonly kind: 'bind'; readonly type: 'podBindings'; readonly object: KubeObject };

export type ActionType = keyof typeof resources;

/**
 * A conflict or a vanished object only means that the view was old: the next event brings the controller back. One
 * action that is refused does not keep the others from being done; it is thrown at the end.
 */
export async function applyActions(client: KubeClient, actions: readonly Action[], signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const action of actions) {
    try {
      await apply(client, action, signal);
    } catch (error) {
      if (!hasCode(error, 'KUBE_CONFLICT', 'KUBE_NOT_FOUND', 'KUBE_ALREADY_EXISTS')) failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function apply(client: KubeClient, action: Action, signal: AbortSignal): Promise<void> {
  const resource: Resource<KubeObject> = resources[action.type];
  const { object } = action;
  switch (action.kind) {
    case 'create':
      await client.create(resource, object, signal);
      return;
    case 'update':
      await client.update(resource, object, {}, signal);
      return;
    case 'bind':
      await client.update(resource, object, { subresource: 'binding' }, signal);
      return;
    case 'status': {
      const options = { kind: 'merge', subresource: 'status' } as const;
      await client.patch(resource, object.metadata, { status: action.status }, options, signal);
      return;
    }
    case 'delete':
      await client.delete(resource, object.metadata, {}, signal);
  }
}
