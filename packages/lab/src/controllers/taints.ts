import type { Node, PodSpec } from '@clustermesh/kube';

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];
type Toleration = NonNullable<PodSpec['tolerations']>[number];

/** May a pod be put on a node that has this taint? PreferNoSchedule keeps nobody away who has no choice. */
export function toleratesTaint({ tolerations = [] }: Pick<PodSpec, 'tolerations'>, taint: Taint): boolean {
  return taint.effect === 'PreferNoSchedule' || tolerations.some((toleration) => matchesTaint(toleration, taint));
}

/** As Kubernetes documents it: without an effect all effects are meant, and `Exists` without a key all taints. */
function matchesTaint({ key = '', operator = 'Equal', value = '', effect = '' }: Toleration, taint: Taint): boolean {
  if (effect !== '' && effect !== taint.effect) return false;
  if (key === '') return operator === 'Exists';
  return key === taint.key && (operator === 'Exists' || value === (taint.value ?? ''));
}
