import { describe, expect, it } from '@jest/globals';

import { flowLine, policyText } from './flow-line.ts';
import { partyText } from './party-text.ts';
import { client, echo, toldFlow } from './testing/told-flow.ts';

const raw = {
  ...{ time_ms: 1_767_225_601_002.25, verdict: 'dropped', reason: 'policy denied', direction: 'ingress' },
  ...{
    protocol: 'TCP',
    source: client,
    destination: echo,
    icmp_type: 0,
    bytes: 74,
    rule_note: '',
    relation: '',
    policies: [],
  },
};
const deny = { kind: 'CiliumNetworkPolicy', namespace: 'demo', name: 'deny' };

describe('flowLine', () => {
  it('is what the agent says, with the time that people and programs read', () => {
    expect(flowLine('n1', { flow: { ...raw, rule: null } })).toEqual({
      ...{ time: '2026-01-01T00:00:01.002250Z', node: 'n1', verdict: 'dropped', reason: 'policy denied' },
      ...{ direction: 'ingress', protocol: 'TCP', source: client, destination: echo, bytes: 74, policies: [] },
    });
  });

  it('has a type where ICMP is spoken', () => {
    expect(
      flowLine('', { flow: { ...raw, rule: null, protocol: 'ICMPv6', icmp_type: 128, relation: 'related' } }),
    ).toMatchObject({
      icmpType: 128,
      relation: 'related',
    });
  });

  it('says how many events were lost', () => {
    expect(flowLine('n1', { lost: { time_ms: 0, count: 3, reason: 'too many at once' } })).toEqual({
      ...{ time: '1970-01-01T00:00:00.000000Z', node: 'n1', lost: 3, reason: 'too many at once' },
    });
  });

  it('passes over what a newer agent tells', () => {
    expect(flowLine('n1', {})).toBeUndefined();
  });
});

describe('policyText', () => {
  const { rule: _, ...withoutRule } = toldFlow;

  it.each([
    { name: 'the rule', flow: toldFlow, want: 'NetworkPolicy demo/web egress[0]' },
    {
      name: 'why there is none',
      flow: { ...withoutRule, ruleNote: 'a rule that has changed since' },
      want: 'a rule that has changed since',
    },
    {
      name: 'who allows too little',
      flow: { ...withoutRule, reason: 'policy no rule', policies: [deny, deny, deny] },
      want: 'no rule of CiliumNetworkPolicy demo/deny and 2 more',
    },
    { name: 'nothing where no policy speaks', flow: withoutRule, want: '-' },
  ])('is $name', ({ flow, want }) => {
    expect(policyText(flow)).toBe(want);
  });
});

describe('partyText', () => {
  it.each([
    { name: 'a pod', party: echo, want: 'east/demo/echo-1:8080 (131080)' },
    { name: 'a pod without a known name', party: { ...echo, pod: '' }, want: 'east/demo/10.2.0.5:8080 (131080)' },
    {
      name: 'the world',
      party: { ...echo, cluster: '', namespace: '', pod: '', identity: 9, labels: ['reserved:world-ipv4'] },
      want: '10.2.0.5:8080 (world-ipv4)',
    },
    {
      name: 'a network of a policy',
      party: { ...echo, cluster: '', namespace: '', pod: '', labels: ['reserved:world', 'cidr:10.0.0.0/8'] },
      want: '10.2.0.5:8080 (cidr:10.0.0.0/8)',
    },
    {
      name: 'an IPv6 address',
      party: { ...echo, cluster: '', namespace: '', pod: '', address: 'fd00::1' },
      want: '[fd00::1]:8080 (131080)',
    },
    {
      name: 'nothing that a terminal obeys',
      party: { ...echo, pod: '\u001b[2Jx\r' },
      want: 'east/demo/x?:8080 (131080)',
    },
  ])('is $name', ({ party, want }) => {
    expect(partyText(party)).toBe(want);
  });
});
