import { plainText } from '../../render/plain-text.ts';
import { identityText, partyName } from '../party-text.ts';
import { formatPolicy, formatRule } from '../policy-text.ts';
import type { AgentExplanation, ExplainedDirection, ExplainedParty, FlowPath, PolicyRow } from './explanation.ts';
import { nodeName } from './verdict.ts';
import type { FlowReport } from './verdict.ts';

/** A fact: what it is about, and what is to be said; several lines where there are several. */
type Fact = readonly [head: string, text: string];

/** The whole story for people. The verdict is at the end, where the eye is. */
export function renderReport({ from, to, port, verdict, why, warnings, views }: FlowReport): string {
  return [
    plainText(`${from} -> ${to}   ${port}`),
    ...views.flatMap((view) => ['', ...renderView(view)]),
    '',
    ...warnings.map((warning) => plainText(`warning: ${warning}`)),
    plainText(`verdict: ${verdict.toUpperCase()}: ${why}`),
  ].join('\n');
}

function renderView(view: AgentExplanation): readonly string[] {
  const { source, destination, egress, ingress, path } = view;
  return [
    `AS NODE ${plainText(nodeName(view))} SEES IT   (policy scope ${view.policyScope})`,
    ...renderFacts([
      ...partyFacts('source', source),
      ...partyFacts('destination', destination),
      ...(egress === undefined ? [] : directionFacts(egress)),
      ...(path === undefined ? [] : [['path', pathText(path)] as const]),
      ...(ingress === undefined ? [] : directionFacts(ingress)),
    ]),
  ];
}

function renderFacts(facts: readonly Fact[]): readonly string[] {
  const width = Math.max(...facts.map(([head]) => head.length));
  return facts.map(([head, text]) => `  ${head.padEnd(width)}   ${plainText(text)}`.trimEnd());
}

function* partyFacts(side: string, { party, entry, row, endpoint }: ExplainedParty): Generator<Fact> {
  yield [side, `${partyName(party)}, address ${party.address}, identity ${identityText(party)}`];
  yield ['  labels', party.labels.length === 0 ? 'none known' : party.labels.join(' ')];
  yield [
    '  claimed',
    entry === undefined
      ? 'by no cluster'
      : `${entry.address} by cluster ${entry.cluster || '?'}: ${entry.key} (${entry.state})`,
  ];
  yield [
    '  in maps',
    row === undefined
      ? 'no: it is the world'
      : `${row.map}: identity ${row.identity}${row.nodeAddress === '' ? '' : `, node ${row.nodeAddress}`}`,
  ];
  if (endpoint !== undefined)
    yield [
      '  endpoint',
      `interface ${endpoint.ifindex}, identity ${endpoint.identity}, policy rows of ${endpoint.subject}`,
    ];
}

function* directionFacts(direction: ExplainedDirection): Generator<Fact> {
  const { map, reason, rule, matched, policies } = direction;
  const judged = direction.judged ? map.verdict.toUpperCase() : `not judged: ${direction.notJudged}`;
  yield [direction.direction, judged];
  yield ['  policies say', `${direction.verdict}: ${rule === undefined ? reasonText(reason) : formatRule(rule)}`];
  for (const each of matched) {
    yield [
      '  rule',
      `${each.verdict === 'denied' ? 'denies' : 'allows'}: ${formatRule(each.rule)}${each.forAnybody ? ' (anybody)' : ''}`,
    ];
  }
  yield ['  selected by', policies.length === 0 ? 'no policy' : policies.map(formatPolicy).join(', ')];
  yield ['  map says', `${map.verdict}: ${map.reason}`];
  for (const [index, row] of map.rows.entries()) yield [index === 0 ? '  row' : '  row behind', rowText(row)];
  const lengths = map.lengths.map(({ remote, bits }) => `${remote === 0 ? 'anybody' : remote}: ${lengthsText(bits)}`);
  yield ['  row lengths', lengths.join('; ')];
  if (direction.disagreement !== '') yield ['  DISAGREEMENT', direction.disagreement];
}

function reasonText(reason: string): string {
  const texts: Readonly<Record<string, string>> = {
    'default-deny': 'no rule allows it, and the rest is denied',
    'default-allow': 'no rule denies it, and the rest is allowed',
    'no-policy': 'no policy speaks of it',
    host: "the node's own host",
    'not-ready': 'nothing is known of the pod here',
  };
  return texts[reason] ?? reason;
}

function rowText({ subject, remote, covers, deny, rule, packets, bytes }: PolicyRow): string {
  const whom = remote === 0 ? 'anybody' : String(remote);
  const number = rule === 0 ? '' : `, rule ${rule}`;
  return `${subject} with ${whom}, ${covers}: ${deny ? 'deny' : 'allow'}${number}: ${packets} packets, ${bytes} bytes`;
}

function lengthsText(bits: number): string {
  const lengths = Array.from({ length: 25 }, (_, length) => length).filter((length) => ((bits >>> length) & 1) === 1);
  return lengths.length === 0 ? 'none' : lengths.join(',');
}

function pathText({ kind, cluster, node, nodeAddress, reachable, rttMs }: FlowPath): string {
  if (kind === 'none') return 'none';
  const to = nodeAddress === '' ? '' : ` to node ${cluster}/${node} ${nodeAddress}`;
  if (kind === 'network') return `the cluster's own network${to}`;
  const answer = reachable === 'reachable' ? `reachable, ${rttMs.toFixed(1)} ms` : reachable || 'not probed';
  return `tunnel${to}: ${answer}`;
}
