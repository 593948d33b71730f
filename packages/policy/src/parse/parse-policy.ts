import type { z } from 'zod';

import type { PolicyKind, PolicyRef } from '../model.ts';
import { parseCiliumSpec } from './cilium-network-policy.ts';
import { ciliumRuleSpec } from './cilium-schema.ts';
import { networkPolicySpec, parseNetworkPolicy } from './network-policy.ts';
import type { ParsedPolicy } from './parsed-policy.ts';
import type { Scope } from './scope.ts';

/** The parts of a Kubernetes object that say what it is. */
export interface PolicyObject {
  readonly kind: PolicyKind;
  readonly metadata: { readonly namespace?: string; readonly name: string };
  readonly spec?: unknown;
  readonly specs?: readonly unknown[] | null;
}

/** Never throws: what cannot be read is a problem, and allows nothing. */
export function parsePolicy(object: PolicyObject, scope: Scope): ParsedPolicy {
  const { kind, metadata } = object;
  const named = { namespace: metadata.namespace ?? 'default', name: metadata.name };
  if (kind === 'NetworkPolicy') {
    const spec = networkPolicySpec.safeParse(object.spec ?? {});
    return spec.success ? parseNetworkPolicy(spec.data, named, scope) : unreadable('spec', spec.error);
  }
  const ref = { kind, namespace: kind === 'CiliumNetworkPolicy' ? named.namespace : '', name: named.name };
  const specs: [string, unknown][] = [
    ...(object.spec === undefined || object.spec === null ? [] : [['spec', object.spec] as [string, unknown]]),
    ...(object.specs ?? []).map((spec, index): [string, unknown] => [`specs[${index}]`, spec]),
  ];
  if (specs.length === 0) return { policies: [], problems: [{ at: 'spec', message: 'there is no spec' }] };
  const parsed = specs.map(([path, spec], index) => parseSpec(spec, path, numbered(ref, index), scope));
  return {
    policies: parsed.flatMap(({ policies }) => policies),
    problems: parsed.flatMap(({ problems }) => problems),
  };
}

function parseSpec(spec: unknown, path: string, ref: PolicyRef, scope: Scope): ParsedPolicy {
  const read = ciliumRuleSpec.safeParse(spec);
  return read.success ? parseCiliumSpec(read.data, path, ref, scope) : unreadable(path, read.error);
}

/** Specifications of one object are policies of their own. */
function numbered(ref: PolicyRef, index: number): PolicyRef {
  return index === 0 ? ref : { ...ref, name: `${ref.name}#${index}` };
}

function unreadable(path: string, { issues }: z.ZodError): ParsedPolicy {
  const problems = issues.map(({ path: inner, message }) => ({
    at: [path, ...inner.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))].join(''),
    message: `${message}: the policy is not enforced`,
  }));
  return { policies: [], problems };
}
