import type { KubeObject, Pod, PodTemplate } from '@clustermesh/kube';
import type { Random } from '@clustermesh/runtime';
import { createHash } from 'node:crypto';

import type { Action } from './action.ts';

export type Workload = KubeObject & { readonly spec: { readonly template: PodTemplate } };

/** The letters of Kubernetes' own generated names: no vowels, so no words. */
const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';

/** Changes with the template, and only with it: the order of keys does not count. */
export function templateHash(template: PodTemplate): string {
  return createHash('sha256').update(JSON.stringify(template, sortKeys)).digest('hex').slice(0, 10);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function randomSuffix(random: Random): string {
  return Array.from({ length: 5 }, () => suffixLetters[Math.floor(random.next() * suffixLetters.length)]).join('');
}

export interface PodShape {
  readonly kind: 'Deployment' | 'DaemonSet';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly nodeName?: string;
}

export function podOf(owner: Workload, { kind, name, labels, nodeName }: PodShape): Pod {
  const { template } = owner.spec;
  const { namespace = 'default', uid = '' } = owner.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...template.metadata?.labels, ...labels },
      ...(template.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
      ownerReferences: [{ apiVersion: 'apps/v1', kind, name: owner.metadata.name, uid, controller: true }],
    },
    spec: { ...template.spec, ...(nodeName === undefined ? {} : { nodeName }) },
  };
}

export function podsOwnedBy(owner: KubeObject, pods: readonly Pod[]): readonly Pod[] {
  return pods.filter((pod) => controllerOf(pod)?.uid === owner.metadata.uid);
}

function controllerOf({ metadata }: KubeObject): { readonly kind: string; readonly uid: string } | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** Pods whose owner of that kind is gone: what Kubernetes' garbage collector does. */
export function orphans(kind: string, owners: readonly KubeObject[], pods: readonly Pod[]): readonly Pod[] {
  const alive = new Set(owners.map(({ metadata }) => metadata.uid));
  return pods.filter((pod) => {
    const owner = controllerOf(pod);
    return owner?.kind === kind && !alive.has(owner.uid) && !isTerminating(pod);
  });
}

export function isTerminating({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

export function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
}

export function deletePod(pod: Pod): Action {
  return { kind: 'delete', type: 'pods', object: pod };
}
