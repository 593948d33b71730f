import type { PolicyKind, PolicyRef } from '../model.ts';
import { parseCiliumSpec } from './cilium-network-policy.ts';
import { ciliumRuleSpec } from './cilium-schema.ts';
import { networkPolicySpec, parseNetworkPolicy } from './network-policy.ts';
import { effects, problemOf } from './parsed-policy.ts';
import type { ParsedPolicy } from './parsed-policy.ts';
import { invalid, unreadable } from './refused.ts';
import type { Refused } from './refused.ts';
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
  const namespace = kind === 'CiliumClusterwideNetworkPolicy' ? '' : (metadata.namespace ?? 'default');
  const ref = { kind, namespace, name: metadata.name };
  if (kind === 'NetworkPolicy') {
    const spec = networkPolicySpec.safeParse(object.spec ?? {});
    return spec.success ? parseNetworkPolicy(spec.data, ref, scope) : notEnforced('spec', unreadable(spec.error));
  }
  const specs: [string, unknown][] = [
    ...(object.spec === undefined || object.spec === null ? [] : [['spec', object.spec] as [string, unknown]]),
    ...(object.specs ?? []).map((spec, index): [string, unknown] => [`specs[${index}]`, spec]),
  ];
  if (specs.length === 0) return notEnforced('spec', invalid('there is no spec'));
  const parsed = specs.map(([path, spec], index) => parseSpec(spec, path, numbered(ref, index), scope));
  return {
    policies: parsed.flatMap(({ policies }) => policies),
    problems: parsed.flatMap(({ problems }) => problems),
  };
}

function parseSpec(spec: unknown, path: string, ref: PolicyRef, scope: Scope): ParsedPolicy {
  const read = ciliumRuleSpec.safeParse(spec);
  return read.success ? parseCiliumSpec(read.data, path, ref, scope) : notEnforced(path, unreadable(read.error));
}

/** Specifications of one object are policies of their own. */
function numbered(ref: PolicyRef, index: number): PolicyRef {
  return index === 0 ? ref : { ...ref, name: `${ref.name}#${index}` };
}

function notEnforced(path: string, refused: Refused): ParsedPolicy {
  return { policies: [], problems: [problemOf(refused, path, effects.policy)] };
}
