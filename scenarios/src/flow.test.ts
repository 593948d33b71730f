import { describe, expect, it } from '@jest/globals';

import { flowName, flowPattern, flowsOf, targetText } from './flow.ts';

const topology = {
  clusters: ['east', 'west'].map((name, index) => ({ name, id: index + 1, nodes: 1, ipFamilies: ['IPv4' as const] })),
};

describe('flows of a pattern', () => {
  it.each<[string, readonly string[]]>([
    ['a/b -> c/d:80', ['east/a/b -> west/c/d:80/TCP', 'west/a/b -> east/c/d:80/TCP']],
    ['east/a/b -> c/d:80', ['east/a/b -> west/c/d:80/TCP']],
    ['a/b -> east/c/d:53/UDP', ['west/a/b -> east/c/d:53/UDP']],
    ['east/a/b -> east/c/d:80/TCP', ['east/a/b -> east/c/d:80/TCP']],
    ['east/a/b -> west/c/app=d:80', ['east/a/b -> west/c/app=d:80/TCP']],
    ['east/a/b -> west/c/d:ICMP', ['east/a/b -> west/c/d:ICMP']],
  ])('%s', (text, want) => {
    expect(flowsOf(flowPattern.parse(text), topology).map(flowName)).toEqual(want);
  });

  it.each(['a/b -> c/d', 'a -> c/d:80', 'a/b > c/d:80', 'a/b -> c/d:80/ICMP', 'x/a/b/c -> c/d:80'])(
    'refuses %s',
    (text) => {
      expect(flowPattern.safeParse(text).success).toBe(false);
    },
  );
});

describe('targetText', () => {
  const [tcp] = flowsOf(flowPattern.parse('east/a/b -> west/c/d:80'), topology);
  const [icmp] = flowsOf(flowPattern.parse('east/a/b -> west/c/d:ICMP'), topology);

  it.each([
    [tcp, '10.2.1.5', 4 as const, '10.2.1.5:80/TCP'],
    [tcp, 'fd00::5', 6 as const, '[fd00::5]:80/TCP'],
    [icmp, 'fd00::5', 6 as const, 'fd00::5/ICMP'],
  ])('of a %s to %s', (flow, address, family, want) => {
    expect(flow === undefined ? '' : targetText(flow, address, family)).toBe(want);
  });
});
