import { describe, expect, it } from '@jest/globals';

import { direction, fromView, mapVerdict, toView } from './testing/views.ts';
import { finalVerdict, warningsOf } from './verdict.ts';
import type { FinalVerdict, Unseen } from './verdict.ts';
import type { AgentExplanation } from './explanation.ts';

const denied = direction('ingress', { verdict: 'denied', map: mapVerdict('denied') });
const { rule: _rule, ...byDefault } = { ...denied, reason: 'default-deny' };
const unseen: readonly Unseen[] = [{ side: 'ingress', reason: 'no context for cluster east' }];
const world = { ...fromView.destination, party: { ...fromView.destination.party, pod: '', identity: 9 } };
const { row: _, ...outside } = world;
const unpublished = { ...world, row: { map: 'ipc_cidr', identity: 2, nodeAddress: '172.30.2.11' } };

describe('finalVerdict', () => {
  it.each<{
    name: string;
    views: readonly AgentExplanation[];
    unseen?: readonly Unseen[];
    want: FinalVerdict;
    why: string;
  }>([
    {
      name: 'both sides allow it',
      views: [fromView, toView],
      want: 'allowed',
      why: 'west/n1 lets it out, by NetworkPolicy demo/web egress[0]; east/n1 lets it in, by NetworkPolicy demo/web ingress[0]',
    },
    {
      name: 'one side denies it',
      views: [fromView, { ...toView, ingress: denied }],
      want: 'denied',
      why: 'east/n1 does not let it in: NetworkPolicy demo/web ingress[0] denies it',
    },
    {
      name: 'one side denies it, and the other is not seen',
      views: [{ ...toView, ingress: denied }],
      want: 'denied',
      why: 'east/n1 does not let it in: NetworkPolicy demo/web ingress[0] denies it',
    },
    {
      name: 'no rule allows it',
      views: [{ ...toView, ingress: byDefault }],
      want: 'denied',
      why: 'east/n1 does not let it in: no rule of NetworkPolicy demo/web allows it',
    },
    {
      name: 'the other side is not seen',
      views: [fromView],
      unseen,
      want: 'unknown',
      why: 'the way in is not seen: no context for cluster east',
    },
    {
      name: 'the map denies what policies allow: the map decides',
      views: [fromView, { ...toView, ingress: direction('ingress', { map: mapVerdict('denied'), disagreement: 'x' }) }],
      want: 'denied',
      why: 'east/n1 does not let it in: policy denied',
    },
    {
      name: 'nobody judges it',
      views: [fromView, { ...toView, ingress: { ...denied, judged: false, notJudged: 'scope none' } }],
      want: 'allowed',
      why: 'west/n1 lets it out, by NetworkPolicy demo/web egress[0]; east/n1 lets it in unjudged (scope none)',
    },
    {
      name: 'it goes out of the mesh',
      views: [{ ...fromView, destination: outside }],
      want: 'allowed',
      why: 'west/n1 lets it out, by NetworkPolicy demo/web egress[0]; nobody judges in at 10.2.0.5: it is no pod of the mesh',
    },
    {
      name: 'it goes to a pod that its cluster does not publish',
      views: [{ ...fromView, destination: unpublished }],
      want: 'unknown',
      why: 'the way in is not seen: no agent speaks for it',
    },
  ])('is $want when $name', ({ views, unseen: sides = [], want, why }) => {
    expect(finalVerdict(views, sides)).toEqual({ verdict: want, why });
  });
});

describe('warningsOf', () => {
  it('is silent when all is well', () => {
    expect(warningsOf([fromView, toView])).toEqual([]);
  });

  it('says loudly that policies and map differ, and what else is the matter', () => {
    const path = { kind: 'tunnel', cluster: 'east', node: 'n1', nodeAddress: '', reachable: 'unreachable', rttMs: 0 };
    const views = [
      { ...fromView, path, policySynced: false, problems: ['10.2.0.5 is in no map'] },
      {
        ...toView,
        ingress: direction('ingress', { disagreement: 'policies say allowed, the policy map says denied' }),
      },
    ];
    expect(warningsOf(views)).toEqual([
      'west/n1 does not know all policies and pods yet',
      'node east/n1 does not answer west/n1 through the tunnel',
      'west/n1: 10.2.0.5 is in no map',
      'DISAGREEMENT at east/n1, ingress: policies say allowed, the policy map says denied',
    ]);
  });
});
