import { createHash } from 'node:crypto';

import type { KubeObject, Resource } from '@clustermesh/kube';
import { numericIdentity } from '@clustermesh/wire';
import type { LabelArray, NumericIdentity } from '@clustermesh/wire';

import { labelRecord, labelText, labelsOfRecord } from './label-set.ts';

/**
 * STABLE API, crds/meshidentities.yaml: an allocated identity. The name is its number in decimal; `spec.labels` maps
 * `source:key` to value and never changes. The hash label finds the objects of one label set.
 */
export interface MeshIdentity extends KubeObject {
  readonly spec: { readonly labels: Readonly<Record<string, string>> };
}

export const meshIdentities: Resource<MeshIdentity> = {
  group: 'clustermesh.io',
  version: 'v1alpha1',
  plural: 'meshidentities',
  kind: 'MeshIdentity',
  namespaced: false,
};

export const labelsHashLabel = 'clustermesh.io/labels-hash';

/**
 * Present while no replica uses the identity: who wants to use it takes the mark off first, and only what kept one
 * mark for the whole grace period is deleted. The value is for people (when it was marked) and tells marks apart.
 */
export const unusedSinceAnnotation = 'clustermesh.io/unused-since';

/** An identity object with its meaning: `text` is the label set as it is on the wire, equal for equal sets. */
export interface Identity {
  readonly number: NumericIdentity;
  readonly text: string;
  readonly labels: LabelArray;
  readonly object: MeshIdentity;
}

/** Undefined for an object that is no identity: a name that is no number, no labels. */
export function parseMeshIdentity(object: MeshIdentity): Identity | undefined {
  const number = numericIdentity(object.metadata.name);
  const labels = labelsOfRecord(object.spec.labels);
  if (!number.ok || labels.length === 0) return undefined;
  return { number: number.value, text: labelText(labels), labels, object };
}

/** A new identity is born unused: whoever created it claims it, after looking whether another was faster. */
export function newMeshIdentity(number: number, labels: LabelArray, createdAt: string): MeshIdentity {
  return {
    apiVersion: `${meshIdentities.group}/${meshIdentities.version}`,
    kind: meshIdentities.kind,
    metadata: {
      name: `${number}`,
      labels: { [labelsHashLabel]: labelsHash(labelText(labels)) },
      annotations: { [unusedSinceAnnotation]: createdAt },
    },
    spec: { labels: labelRecord(labels) },
  };
}

export function unusedSince(object: MeshIdentity): string | undefined {
  return object.metadata.annotations?.[unusedSinceAnnotation];
}

export function markedUnused(object: MeshIdentity, since: string | undefined): MeshIdentity {
  const { [unusedSinceAnnotation]: _, ...others } = object.metadata.annotations ?? {};
  const annotations = since === undefined ? others : { ...others, [unusedSinceAnnotation]: since };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** 40 hexadecimal digits: a label value holds at most 63 characters. */
export function labelsHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}
