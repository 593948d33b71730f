import type { FlowParty, ToldFlow } from '../flow-line.ts';

export const client: FlowParty = {
  ...{ address: '10.1.0.2', port: 40_000, identity: 65_540, cluster: 'west', namespace: 'demo', pod: 'client' },
  labels: ['k8s:app=client'],
};

export const echo: FlowParty = {
  ...{ address: '10.2.0.5', port: 8_080, identity: 131_080, cluster: 'east', namespace: 'demo', pod: 'echo-1' },
  labels: ['k8s:app=echo'],
};

/** From client to echo, allowed by a rule. */
export const toldFlow: ToldFlow = {
  ...{ time: '2026-01-01T00:00:01.002000Z', node: 'n1', verdict: 'forwarded', reason: 'forwarded' },
  ...{ direction: 'egress', protocol: 'TCP', source: client, destination: echo, bytes: 74, policies: [] },
  rule: { policy: { kind: 'NetworkPolicy', namespace: 'demo', name: 'web' }, path: 'egress[0]', direction: 'egress' },
};
