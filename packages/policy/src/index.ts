export { describePolicy } from './describe/describe-policy.ts';
export type { DirectionDescription, PolicyDescription, RuleDescription } from './describe/describe-policy.ts';
export { evaluate } from './evaluate.ts';
export type { Flow, Surroundings } from './evaluate.ts';
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
export type { Explanation, MatchedRule, Reason } from './resolve/explain.ts';
export { firstLocalSubject, network, workload } from './resolve/identity.ts';
export type { Identity, NamedPorts } from './resolve/identity.ts';
export type { NetworkChange } from './resolve/networks.ts';
export { covers, prefixText } from './resolve/prefix.ts';
export { contains, pointRegion } from './resolve/region.ts';
export type { Region } from './resolve/region.ts';
export { Resolver } from './resolve/resolver.ts';
export type { Row, Verdict } from './resolve/row.ts';
export type { PolicyService, ServiceName } from './resolve/services.ts';
export { anybody } from './resolve/subject-direction.ts';
export type { RowChange, Subject } from './resolve/subject-direction.ts';
export { LabelSet, selectorOf } from './selector.ts';
export type { Requirement, Selector } from './selector.ts';
