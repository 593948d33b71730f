import { z } from 'zod';

/** `NAMESPACE/NAME`, as scenarios write it. */
export const namespaced = z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, 'must be NAMESPACE/NAME');
export const clusterNames = z.array(z.string()).min(1);

/** Where requests come from. */
export const client = z.strictObject({ cluster: z.string(), pod: namespaced });
export type Client = z.output<typeof client>;

export function refOf(text: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = ''] = text.split('/');
  return { namespace, name };
}

export function nameOf(text: string): string {
  return refOf(text).name;
}

/** `kubectl` in the namespace of an object. */
export function kubectl(cluster: string, object: string): string {
  return `kubectl --context ${cluster} -n ${refOf(object).namespace}`;
}
