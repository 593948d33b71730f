import { MeshError } from '@clustermesh/runtime';
import type { PolicyKind, PolicyObject } from '@clustermesh/policy';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

/** A Kubernetes object of a file, and where it stands. */
export interface KubeDocument {
  /** `document 2`, `document 1, items[3]` */
  readonly place: string;
  /** As the object says it; '' where it does not. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Absent: it is no policy. */
  readonly policy?: PolicyObject;
}

/** Which versions of which kinds are policies. */
const apiVersions: Readonly<Record<PolicyKind, readonly string[]>> = {
  NetworkPolicy: ['networking.k8s.io/v1'],
  CiliumNetworkPolicy: ['cilium.io/v2'],
  CiliumClusterwideNetworkPolicy: ['cilium.io/v2'],
};

const kubeObject = z.looseObject({
  apiVersion: z.string().catch(''),
  kind: z.string().catch(''),
  metadata: z.looseObject({ namespace: z.string().optional(), name: z.string().catch('') }).catch({ name: '' }),
  items: z.array(z.unknown()).optional().catch(undefined),
  specs: z.array(z.unknown()).nullish().catch(undefined),
});
type KubeObject = z.output<typeof kubeObject>;

/** Every object of a YAML or JSON text, lists of objects taken apart. */
export function policyDocuments(text: string, file: string): readonly KubeDocument[] {
  return parseAllDocuments(text).flatMap((document, index) => {
    const [error] = document.errors;
    const place = `document ${index + 1}`;
    if (error !== undefined) throw new MeshError('CONFIG_INVALID', `read ${place} of ${file}: ${error.message}`);
    const value: unknown = document.toJS();
    return value === null || value === undefined ? [] : objectsOf(value, place);
  });
}

function objectsOf(value: unknown, place: string): readonly KubeDocument[] {
  const read = kubeObject.safeParse(value);
  if (!read.success) return [{ place, kind: '', namespace: '', name: '' }];
  const { items, kind } = read.data;
  if (items === undefined || !kind.endsWith('List')) return [documentOf(read.data, place)];
  return items.flatMap((item, index) => objectsOf(item, `${place}, items[${index}]`));
}

function documentOf(object: KubeObject, place: string): KubeDocument {
  const { kind, metadata } = object;
  const policyKind = policyKindOf(object);
  const isOfCluster = policyKind === 'CiliumClusterwideNetworkPolicy';
  const namespace = metadata.namespace ?? (policyKind === undefined || isOfCluster ? '' : 'default');
  const about = { place, kind, namespace, name: metadata.name };
  if (policyKind === undefined) return about;
  const { spec, specs } = object as KubeObject & { readonly spec?: unknown };
  return {
    ...about,
    policy: { kind: policyKind, metadata: { namespace, name: metadata.name }, spec, ...(specs ? { specs } : {}) },
  };
}

function policyKindOf({ kind, apiVersion }: KubeObject): PolicyKind | undefined {
  const known = Object.keys(apiVersions) as PolicyKind[];
  return known.find((each) => each === kind && apiVersions[each].includes(apiVersion));
}
