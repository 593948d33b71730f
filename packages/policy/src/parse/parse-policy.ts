import { z } from 'zod';

import type { PolicyKind, PolicyRef } from '../model.ts';
import { parseCiliumSpec } from './cilium-network-policy.ts';
import { ciliumRuleSpec } from './cilium-schema.ts';
import { labelSelectorSchema, ofKubernetes, requirementsOf, sourced } from './label-selector.ts';
import { networkPolicySpec, parseNetworkPolicy } from './network-policy.ts';
import { effects, problemOf } from './parsed-policy.ts';
import type { ParsedPolicy } from './parsed-policy.ts';
import { invalid, unreadable } from './refused.ts';
import type { Refused } from './refused.ts';
import { subjectSelector } from './scope.ts';
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
    return spec.success
      ? parseNetworkPolicy(spec.data, ref, scope)
      : isolated(object.spec, ref, { path: 'spec', refused: unreadable(spec.error) }, scope);
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
  return read.success
    ? parseCiliumSpec(read.data, path, ref, scope)
    : isolated(spec, ref, { path, refused: unreadable(read.error) }, scope);
}

/** Specifications of one object are policies of their own. */
function numbered(ref: PolicyRef, index: number): PolicyRef {
  return index === 0 ? ref : { ...ref, name: `${ref.name}#${index}` };
}

const kubernetesSubject = z.looseObject({ podSelector: labelSelectorSchema.nullish() });
const ciliumSubject = z.looseObject({ endpointSelector: labelSelectorSchema });

/** A policy that says more than we can read closes those whom it is about; if even that cannot be read, nobody. */
function isolated(
  spec: unknown,
  ref: PolicyRef,
  { path, refused }: { readonly path: string; readonly refused: Refused },
  scope: Scope,
): ParsedPolicy {
  const requirements =
    ref.kind === 'NetworkPolicy'
      ? kubernetesSubject
          .transform(({ podSelector }) => requirementsOf(podSelector ?? {}, ofKubernetes))
          .safeParse(spec)
      : ciliumSubject.transform(({ endpointSelector }) => requirementsOf(endpointSelector, sourced)).safeParse(spec);
  if (!requirements.success) return notEnforced(path, refused);
  const { selector: subject } = subjectSelector(requirements.data, ref.namespace, scope);
  const closed = { defaultDeny: true, rules: [] };
  return {
    policies: [{ ref, subject, ingress: closed, egress: closed }],
    problems: [problemOf(refused, path, effects.isolated)],
  };
}

function notEnforced(path: string, refused: Refused): ParsedPolicy {
  return { policies: [], problems: [problemOf(refused, path, effects.policy)] };
}
