export { entities, protocolNumbers } from './model.ts';
export type {
  Direction,
  DirectionRules,
  Entity,
  Peer,
  Policy,
  PolicyKind,
  PolicyRef,
  PortMatch,
  Rule,
} from './model.ts';
export { parsePolicy } from './parse/parse-policy.ts';
export type { PolicyObject } from './parse/parse-policy.ts';
export type { ParsedPolicy, Problem } from './parse/parsed-policy.ts';
export type { Scope } from './parse/scope.ts';
export type { RuleRef } from './resolve/compiled-policy.ts';
export { network, workload } from './resolve/identity.ts';
export type { Identity } from './resolve/identity.ts';
export { pointRegion } from './resolve/region.ts';
export type { Region } from './resolve/region.ts';
export { Resolver, anybody } from './resolve/resolver.ts';
export type { RowChange, Subject } from './resolve/resolver.ts';
export type { Row, Verdict } from './resolve/rows.ts';
export { selectorOf } from './selector.ts';
export type { Requirement, Selector } from './selector.ts';
