import { pointRegion, protocolNumbers } from '@clustermesh/policy';
import type { RuleRef } from '@clustermesh/policy';

import { directionNames, reasonNames } from '../maps/counters.ts';
import type { DecodedEvent } from './decode-event.ts';
import type { Flow, PolicyRule } from './flow.ts';
import type { Parties } from './party.ts';
import type { PolicyView } from './policy-view.ts';

export interface TellFlowOptions {
  readonly parties: Pick<Parties, 'party'>;
  readonly policy: PolicyView;
  readonly blame: Blame;
}

/** When something was said, and by whom. */
export interface Told {
  /** Since the epoch. */
  readonly timeMs: number;
  /** Numbers of rules are this process's own. */
  readonly areRulesOurs: boolean;
}

const noRule = 'policy no rule';
const icmp: readonly number[] = [protocolNumbers.icmp, protocolNumbers.icmpv6];

/** What a program said, as people read it. */
export function tellFlow(event: DecodedEvent, told: Told, options: TellFlowOptions): Flow {
  const { parties, policy, blame } = options;
  const isIcmp = icmp.includes(event.protocol);
  const rule = told.areRulesOurs ? policy.resolver.rule(event.rule) : undefined;
  const reason = nameOf(reasonNames, event.reason);
  return {
    timeMs: told.timeMs,
    verdict: event.isDrop ? 'dropped' : 'forwarded',
    reason,
    direction: nameOf(directionNames, event.direction),
    protocol: protocolText(event.protocol),
    source: parties.party(event.source, isIcmp ? 0 : event.sourcePort, event.sourceIdentity),
    destination: parties.party(event.destination, isIcmp ? 0 : event.policyPort, event.destinationIdentity),
    ...(isIcmp ? { icmpType: event.policyPort } : {}),
    bytes: event.bytes,
    relation: event.relation,
    ...(rule === undefined ? {} : { rule: policyRule(rule) }),
    ruleNote: rule === undefined ? ruleNote(event, told) : '',
    policies: reason === noRule ? blame.policies(event) : [],
  };
}

export function policyRule({ policy, at, direction }: RuleRef): PolicyRule {
  return { policy, path: at, direction };
}

export function protocolText(protocol: number): string {
  const names: Readonly<Record<number, string>> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6', 132: 'SCTP' };
  return nameOf(names, protocol);
}

/** Numbers of newer programs stay numbers. */
function nameOf(names: Readonly<Record<number, string>>, number: number): string {
  return names[number] ?? String(number);
}

function ruleNote({ rule }: DecodedEvent, { areRulesOurs }: Told): string {
  if (rule === 0) return '';
  return areRulesOurs ? 'a rule that has changed since' : 'a rule of before the agent started';
}

/**
 * Which policies there are to blame when none of their rules allows something; none where they do by now. What is the
 * same for many packets, as in a flood, is asked once.
 */
export class Blame {
  readonly #resolver: PolicyView['resolver'];
  readonly #known = new Map<string, Flow['policies']>();

  constructor({ resolver }: Pick<PolicyView, 'resolver'>) {
    this.#resolver = resolver;
  }

  policies(event: DecodedEvent): Flow['policies'] {
    const isLeaving = nameOf(directionNames, event.direction) === 'egress';
    const ends = [event.sourceIdentity, event.destinationIdentity];
    const [subject = 0, remote = 0] = isLeaving ? ends : ends.toReversed();
    // An answer is judged as the flow that it answers: the other way, by the port that it comes from.
    const isAnswer = event.relation === 'answer';
    const direction = isLeaving === isAnswer ? 'ingress' : 'egress';
    const port = isAnswer ? event.sourcePort : event.policyPort;
    const key = [subject, remote, direction, event.protocol, port].join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const at = pointRegion(event.protocol, port);
    const why = this.#resolver.explain(subject, direction, remote, at);
    const policies = why.verdict === 'deny' ? why.policies : [];
    this.#known.set(key, policies);
    return policies;
  }
}
