import type { LabelSelector } from '@clustermesh/kube';

import { fieldsOf, isJsonObject, valueAt, withValueAt } from './api-object.ts';
import type { ApiObject } from './api-object.ts';
import type { ScalePaths } from './resource-type.ts';

/** The autoscaling/v1 view of an object. */
export function scaleOf(object: ApiObject, paths: ScalePaths): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector === undefined ? undefined : valueAt(object, paths.selector);
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: metadata as ApiObject['metadata'],
    spec: { replicas: valueAt(object, paths.specReplicas) ?? 0 },
    status: { replicas: valueAt(object, paths.statusReplicas) ?? 0, selector: selectorText(selector) },
  };
}

export function withScale(object: ApiObject, scale: unknown, paths: ScalePaths): ApiObject {
  const replicas = fieldsOf(fieldsOf(scale)['spec'])['replicas'] ?? 0;
  return withValueAt(object, paths.specReplicas, replicas) as ApiObject;
}

function selectorText(selector: unknown): string {
  if (!isJsonObject(selector)) return typeof selector === 'string' ? selector : '';
  const { matchLabels = {} } = selector as LabelSelector;
  return Object.entries(matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
