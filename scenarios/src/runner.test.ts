import { describe, expect, it } from '@jest/globals';
import { FakeClock, MeshError } from '@clustermesh/runtime';

import type { CommandResult, Provider } from './provider.ts';
import { hasPassed, renderResults, renderVerdict } from './report.ts';
import { runScenario } from './runner.ts';
import type { RunEvent, StepResult } from './runner.ts';
import type { Scenario } from './scenario.ts';

const scenario: Scenario = {
  name: 'two',
  summary: 'two clusters',
  set: 'full',
  topology: {
    clusters: [
      { name: 'east', id: 1, nodes: 2 },
      { name: 'west', id: 2, nodes: 1 },
    ],
  },
  manifests: {},
  steps: [
    {
      name: 'connect',
      do: [{ connect: ['east', 'west'] }],
      expect: [{ remote: { of: 'east', cluster: 'west', is: 'ready' } }],
      within: 5_000,
    },
    { name: 'drain', do: [], expect: [{ drained: { of: 'east', cluster: 'west' } }], within: 1_000 },
  ],
};

/** `status` shows west ready from the third look on; `inspect` shows `left` addresses for ever. */
function fakeProvider(options: { left?: number; upFails?: boolean; connectExit?: number }): Provider {
  let looks = 0;
  const answer = (value: unknown): CommandResult => ({ exitCode: 0, stdout: JSON.stringify(value), stderr: '' });
  return {
    withoutPackets: 'no packets in this test',
    up: async () => {
      if (options.upFails === true) throw new MeshError('COMMAND_FAILED', 'start etcd');
    },
    down: async () => undefined,
    kubeconfig: () => '/kubeconfig',
    kube: () => {
      throw new Error('not used');
    },
    execInPod: () => Promise.reject(new Error('not used')),
    clustermesh: async ([command = '']) => {
      if (command === 'connect')
        return { exitCode: options.connectExit ?? 0, stdout: '', stderr: 'same cluster id 1\n' };
      if (command === 'status') {
        looks++;
        const state = looks < 3 ? 'connecting' : 'ready';
        return answer({ clusters: [{ name: 'west', state, ready: looks >= 3 }] });
      }
      return answer(Array.from({ length: options.left ?? 0 }, () => ({ cluster: 'west' })));
    },
    cutLink: async () => undefined,
    restoreLink: async () => undefined,
    describeLink: () => '',
  };
}

async function run(provider: Provider): Promise<{ results: readonly StepResult[]; events: RunEvent[] }> {
  const clock = new FakeClock();
  const events: RunEvent[] = [];
  const deps = { provider, clock, report: (event: RunEvent) => void events.push(event) };
  const running = runScenario(scenario, deps, new AbortController().signal);
  await clock.advance(20_000);
  return { results: await running, events };
}

describe('runScenario', () => {
  it('looks again until what is expected is seen, and times it', async () => {
    const { results } = await run(fakeProvider({}));
    expect(results).toMatchObject([
      { name: '2 clusters with 3 nodes start', passed: true },
      { name: 'connect', passed: true, seen: 'east sees west ready', ms: 400 },
      { name: 'drain', passed: true, seen: '0 addresses of west in the maps of east' },
    ]);
    expect(hasPassed(scenario, results)).toBe(true);
    expect(renderVerdict(scenario, results)).toBe('two ok');
  });

  it('fails a step at its deadline with what was seen last', async () => {
    const { results } = await run(fakeProvider({ left: 7 }));
    expect(results[2]).toMatchObject({ passed: false, seen: '7 addresses of west in the maps of east', ms: 1_000 });
    expect(hasPassed(scenario, results)).toBe(false);
    expect(renderVerdict(scenario, results)).toBe('two failed at "drain": 7 addresses of west in the maps of east');
  });

  it.each([
    { name: 'a topology that does not come up', options: { upFails: true }, steps: 1, seen: 'start etcd' },
    { name: 'an action that fails', options: { connectExit: 1 }, steps: 2, seen: /same cluster id 1$/ },
  ])('ends with $name: later steps build on it', async ({ options, steps, seen }) => {
    const { results } = await run(fakeProvider(options));
    expect(results).toHaveLength(steps);
    expect(results.at(-1)).toMatchObject({ passed: false });
    expect(results.at(-1)?.seen).toMatch(seen);
  });

  it('prints the commands that a user would type', async () => {
    const { events } = await run(fakeProvider({}));
    expect(events.flatMap((event) => (event.kind === 'command' ? [event.text] : []))).toEqual([
      'clustermesh connect --context east --destination-context west --connection-mode mesh',
      'clustermesh status --context east',
      'clustermesh inspect ipcache --context east',
    ]);
  });
});

describe('renderResults', () => {
  it('is a table of step, what was seen, and time', () => {
    const table = renderResults([{ name: 'connect', passed: true, seen: 'ready', ms: 1_234 }]);
    expect(table.split('\n').map((line) => line.split(/\s{2,}/))).toEqual([
      ['', 'STEP', 'SEEN', 'TIME'],
      ['ok', 'connect', 'ready', '1.2 s'],
    ]);
  });
});
