import { describe, expect, it } from '@jest/globals';

import { policyNotices, policyUse } from './policy-use.ts';

const rule = { kind: 'NetworkPolicy', namespace: 'shop', name: 'web', at: 'spec.ingress[0]', message: 'no' };

describe('policyUse', () => {
  it('is nothing where no agent tells of policies', () => {
    expect(policyUse([])).toBeUndefined();
    expect(policyUse([{}])).toBeUndefined();
  });

  it('has the scopes of all agents, and the policies of the one that has read most', () => {
    const views = [{ scope: 'mesh', policies: 3 }, { scope: 'all', policies: 2 }, { scope: 'mesh' }];
    expect(policyUse(views)).toEqual({ policies: 3, scopes: ['all', 'mesh'] });
  });
});

describe('policyNotices', () => {
  it.each([
    { name: 'no policies', views: [{ scope: 'none', policies: 0 }], want: [] },
    { name: 'policies that are enforced', views: [{ scope: 'mesh', policies: 2 }], want: [] },
    {
      name: 'policies that nobody enforces',
      views: [{ scope: 'none', policies: 2 }],
      want: ['policies are not enforced: --policy-scope=none'],
    },
    {
      name: 'policies that some enforce',
      views: [
        { scope: 'none', policies: 2 },
        { scope: 'mesh', policies: 2 },
      ],
      want: ['policies are not enforced by some of the nodes: --policy-scope=none'],
    },
    {
      name: 'a refused rule once, and how many are not shown',
      views: [
        { scope: 'mesh', policies: 1, refusedRules: 2, refused: [rule] },
        { scope: 'mesh', policies: 1, refusedRules: 2, refused: [rule] },
      ],
      want: ['policy NetworkPolicy shop/web: spec.ingress[0]: no', '… and 1 more: clustermesh inspect policies'],
    },
    {
      name: 'a policy of the whole cluster by its name alone',
      views: [{ refusedRules: 1, refused: [{ ...rule, kind: 'CiliumClusterwideNetworkPolicy', namespace: '' }] }],
      want: ['policy CiliumClusterwideNetworkPolicy web: spec.ingress[0]: no'],
    },
  ])('tells of $name', ({ views, want }) => {
    expect(policyNotices(views)).toEqual(want);
  });
});
