import { describe, expect, it } from '@jest/globals';

import { FlowTable } from './render-flows.ts';
import { echo, toldFlow } from './testing/told-flow.ts';

describe('FlowTable', () => {
  it('has its head once, and columns that only grow', () => {
    const table = new FlowTable();
    const first = table.render([toldFlow]).split('\n');
    expect(first).toEqual([
      'TIME (UTC)     VERDICT     DIRECTION   PROTO     FROM                               TO                                 REASON           POLICY',
      '00:00:01.002   forwarded   egress      TCP       west/demo/client:40000 (65540)     east/demo/echo-1:8080 (131080)     -                NetworkPolicy demo/web egress[0]',
    ]);
    const { rule: _, ...dropped } = toldFlow;
    const more = { ...dropped, verdict: 'dropped', reason: 'policy no rule', protocol: 'ICMP', icmpType: 8 };
    const wide = table.render([
      { ...more, destination: { ...echo, pod: 'echo-with-a-longer-name', port: 0 } },
      toldFlow,
    ]);
    expect(wide.split('\n')).toEqual([
      '00:00:01.002   dropped     egress      ICMP 8    west/demo/client:40000 (65540)     east/demo/echo-with-a-longer-name (131080)   policy no rule   -',
      '00:00:01.002   forwarded   egress      TCP       west/demo/client:40000 (65540)     east/demo/echo-1:8080 (131080)               -                NetworkPolicy demo/web egress[0]',
    ]);
  });

  it('says in a line of its own what was lost', () => {
    const table = new FlowTable();
    table.render([toldFlow]);
    const lost = { time: toldFlow.time, node: 'n1', lost: 3, reason: 'too many at once' };
    expect(table.render([lost])).toBe('… 3 events were not told by node n1: too many at once');
  });
});
