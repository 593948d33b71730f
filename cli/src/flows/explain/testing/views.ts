import { client, echo } from '../../testing/told-flow.ts';
import type { AgentExplanation, ExplainedDirection, MapVerdict } from '../explanation.ts';

const policy = { kind: 'NetworkPolicy', namespace: 'demo', name: 'web' };

export function mapVerdict(verdict: 'allowed' | 'denied'): MapVerdict {
  const row = { subject: 65_540, remote: 131_080, covers: '6/8080', length: 24, deny: verdict === 'denied', rule: 7 };
  return {
    verdict,
    reason: verdict === 'allowed' ? 'forwarded' : 'policy denied',
    rows: [
      { ...row, packets: 12, bytes: 888 },
      { ...row, remote: 0, covers: 'everything', length: 0, deny: true, rule: 0, packets: 0, bytes: 0 },
    ],
    lengths: [
      { remote: 131_080, bits: 1 << 24 },
      { remote: 0, bits: 1 },
    ],
  };
}

export function direction(name: 'egress' | 'ingress', change: Partial<ExplainedDirection> = {}): ExplainedDirection {
  return {
    ...{ direction: name, subject: 65_540, remote: 131_080, judged: true, notJudged: '' },
    ...{ verdict: 'allowed', reason: 'rule', policies: [policy], map: mapVerdict('allowed'), disagreement: '' },
    rule: { policy, path: `${name}[0]`, direction: name },
    matched: [{ rule: { policy, path: `${name}[0]`, direction: name }, verdict: 'allowed', forAnybody: true }],
    ...change,
  };
}

const view: AgentExplanation = {
  ...{ cluster: 'west', node: 'n1', policyScope: 'mesh', policySynced: true, problems: [] },
  source: {
    party: { ...client, port: 0 },
    entry: {
      address: '10.1.0.2',
      identity: 65_540,
      cluster: 'west',
      key: 'cilium/state/ip/v1/default/10.1.0.2',
      state: 'programmed',
    },
    row: { map: 'ipc_host', identity: 65_540, nodeAddress: '172.30.1.11' },
    endpoint: { ifindex: 7, identity: 65_540, subject: 65_540 },
  },
  destination: {
    party: echo,
    entry: {
      address: '10.2.0.5',
      identity: 131_080,
      cluster: 'east',
      key: 'cilium/cache/ip/v1/east/10.2.0.5',
      state: 'programmed',
    },
    row: { map: 'ipc_host', identity: 131_080, nodeAddress: '172.30.2.11' },
  },
};

/** As the node of the client sees it. */
export const fromView: AgentExplanation = {
  ...view,
  egress: direction('egress'),
  path: {
    kind: 'tunnel',
    cluster: 'east',
    node: 'n1',
    nodeAddress: '172.30.2.11',
    reachable: 'reachable',
    rttMs: 0.34,
  },
};

/** As the node of the echo sees it. */
export const toView: AgentExplanation = { ...view, cluster: 'east', ingress: direction('ingress') };
