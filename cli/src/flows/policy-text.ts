import { plainText } from '../render/plain-text.ts';

export interface PolicyRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PolicyRule {
  readonly policy: PolicyRef;
  /** Where in the object. */
  readonly path: string;
  readonly direction: string;
}

/** `NetworkPolicy demo/web` */
export function formatPolicy({ kind, namespace, name }: PolicyRef): string {
  return plainText(`${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`);
}

/** `NetworkPolicy demo/web ingress[0]` */
export function formatRule({ policy, path }: PolicyRule): string {
  return `${formatPolicy(policy)} ${plainText(path)}`.trim();
}
