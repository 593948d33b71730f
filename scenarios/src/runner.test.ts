import { describe, expect, it } from '@jest/globals';
import { FakeClock, MeshError } from '@clustermesh/runtime';

import type { CommandResult, Provider, RunningProbe } from './provider.ts';
import { hasPassed, renderResults, renderVerdict } from './report.ts';
import { runScenario } from './runner.ts';
import type { RunEvent, StepResult } from './runner.ts';
import { parseScenario } from './scenario.ts';
import { unusedProvider } from './testing/unused-provider.ts';

const topology = {
  clusters: [
    { name: 'east', id: 1, nodes: 2 },
    { name: 'west', id: 2, nodes: 1 },
  ],
};
const scenario = parseScenario(
  {
    name: 'two',
    summary: 'two clusters',
    topology,
    steps: [
      {
        name: 'connect',
        do: [{ connect: ['east', 'west'] }],
        expect: [{ remote: { of: 'east', cluster: 'west', is: 'ready' } }],
        within: '5s',
      },
      { name: 'drain', expect: [{ drained: { of: 'east', cluster: 'west' } }], within: '1s' },
    ],
  },
  'two.yaml',
);

function answer(value: unknown): CommandResult {
  return { exitCode: 0, stdout: JSON.stringify(value), stderr: '' };
}

/** `status` shows west ready from the third look on; `inspect` shows `left` addresses for ever. */
function fakeProvider(options: { left?: number; upFails?: boolean; connectExit?: number }): Provider {
  let looks = 0;
  return {
    ...unusedProvider,
    up: async () => {
      if (options.upFails === true) throw new MeshError('COMMAND_FAILED', 'start etcd');
    },
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
  };
}

async function run(
  provider: Provider,
  what = scenario,
): Promise<{ results: readonly StepResult[]; events: RunEvent[]; ms: number }> {
  const clock = new FakeClock();
  const events: RunEvent[] = [];
  const deps = { provider, clock, report: (event: RunEvent) => void events.push(event) };
  const running = runScenario(what, deps, new AbortController().signal);
  await clock.advance(20_000);
  return { results: await running, events, ms: clock.monotonicMs() };
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

  it('tells a step that the provider cannot show, and why, and goes on', async () => {
    const cutting = parseScenario(
      {
        name: 'cut',
        summary: 's',
        topology,
        steps: [
          {
            name: 'cut',
            do: [{ cut: { cluster: 'west' } }],
            expect: [{ remote: { of: 'east', cluster: 'west', is: 'stale' } }],
          },
          { name: 'drain', expect: [{ drained: { of: 'east', cluster: 'west' } }] },
        ],
      },
      'cut.yaml',
    );
    const provider = { ...fakeProvider({}), cannot: (need: string) => (need === 'cuts' ? 'one network' : undefined) };
    const { results } = await run(provider, cutting);
    expect(results[1]).toMatchObject({ passed: true, notShown: 'one network' });
    expect(results[2]).toMatchObject({ name: 'drain', passed: true });
  });
});

describe('cases', () => {
  const policy = (name: string) => ({
    policy: {
      clusters: ['east'],
      yaml: `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: ${name}, namespace: demo }`,
    },
  });
  const one = (name: string, of: string) => ({
    name,
    do: [policy(name)],
    expect: [{ drained: { of, cluster: 'west' } }],
    within: '1s',
  });
  const content = { name: 'cases', summary: 's', topology, steps: [{ cases: [one('a', 'east'), one('b', 'west')] }] };
  const loaded = parseScenario(content, 'cases.yaml');

  function provider(did: string[], deletes: () => Promise<void>): Provider {
    const note = (what: string, name: string): void => void did.push(`${what} ${name}`);
    return {
      ...fakeProvider({}),
      kube: () => ({
        ...unusedProvider.kube(''),
        patch: () => Promise.reject(new MeshError('KUBE_NOT_FOUND', 'patch it')),
        create: async (_, object) => (note('create', object.metadata.name), object),
        delete: async (_, { name }) => (note('delete', name), deletes()),
      }),
      clustermesh: async (argv) => answer(argv.includes('east') ? [{ cluster: 'west' }] : []),
    };
  }

  it('do not keep later ones from being done, and each takes back what it did for its own time', async () => {
    const did: string[] = [];
    const { results, events } = await run(
      provider(did, async () => undefined),
      loaded,
    );
    expect(results.map(({ name, passed }) => [name, passed])).toEqual([
      ['2 clusters with 3 nodes start', true],
      ['a', false],
      ['b', true],
    ]);
    expect(did).toEqual(['create a', 'delete a', 'create b', 'delete b']);
    expect(events).toContainEqual({ kind: 'command', text: 'kubectl --context east -n demo delete networkpolicy a' });
    expect(hasPassed(loaded, results)).toBe(false);
    expect(renderVerdict(loaded, results)).toMatch(/^cases failed at "a"/);
  });

  it('fail where that cannot be taken back', async () => {
    const { results } = await run(
      provider([], () => Promise.reject(new MeshError('KUBE_UNAVAILABLE', 'delete it'))),
      loaded,
    );
    expect(results.at(-1)).toMatchObject({ name: 'b', passed: false, seen: 'delete it' });
  });
});

describe('background traffic', () => {
  const steps = [
    {
      name: 'starts',
      do: [
        {
          traffic: {
            name: 'new',
            from: { cluster: 'east', pod: 'demo/client' },
            service: 'demo/echo',
            connections: 'new',
          },
        },
      ],
      expect: [{ traffic: { name: 'new', more: 10 } }],
    },
    { name: 'goes on', expect: [{ traffic: { name: 'new', more: 10 } }], within: '2s' },
  ];
  const loaded = parseScenario({ name: 'traffic', summary: 's', topology, steps }, 'traffic.yaml');

  /** Five successes more at each look, and from look 4 on what `later` says. */
  function provider(later: { ok?: number; failed?: object }): Provider & { stopped: number } {
    let looks = 0;
    const fake = {
      ...unusedProvider,
      stopped: 0,
      up: async () => undefined,
      kube: () => ({
        ...unusedProvider.kube(''),
        get: async () => ({ spec: { clusterIP: '10.101.0.9', ports: [{ name: 'http', port: 80 }] } }) as never,
      }),
      startProbe: async (): Promise<RunningProbe> => ({
        latest: () => {
          looks++;
          const report = { ok: looks * 5, failed: {}, broken: {}, answers: {}, longestGapMs: 12.4 };
          return looks < 12 ? report : { ...report, ...later };
        },
        ask: () => Promise.reject(new Error('nobody asks traffic')),
        ended: Promise.resolve({ exitCode: 0, stdout: '', stderr: '' }),
        stop: async () => {
          fake.stopped++;
        },
      }),
    };
    return fake;
  }

  it('holds while it goes on without failures, and is ended with the scenario', async () => {
    const fake = provider({});
    const { results } = await run(fake, loaded);
    expect(results.map(({ passed }) => passed)).toEqual([true, true, true]);
    expect(results[2]?.seen).toMatch(/^new: \d+ ok, 0 failed, 0 broken, longest gap 12 ms$/);
    expect(fake.stopped).toBe(1);
  });

  it('fails at once with a failure, since that cannot become better', async () => {
    const failing = parseScenario(
      {
        name: 'failing',
        summary: 's',
        topology,
        steps: [steps[0], { ...steps[1], expect: [{ traffic: { name: 'new', more: 1_000 } }] }],
      },
      'failing.yaml',
    );
    const { results } = await run(provider({ failed: { ECONNREFUSED: 2 } }), failing);
    expect(results[2]).toMatchObject({ passed: false });
    expect(results[2]?.seen).toContain('2 failed (ECONNREFUSED 2)');
    expect(results[2]?.ms).toBeLessThan(2_000);
  });

  it('fails when it stands still', async () => {
    const { results } = await run(
      provider({ ok: 60 }),
      parseScenario(
        {
          name: 'still',
          summary: 's',
          topology,
          steps: [steps[0], { ...steps[1], expect: [{ traffic: { name: 'new', more: 1_000 } }] }],
        },
        'still.yaml',
      ),
    );
    expect(results[2]).toMatchObject({ passed: false, ms: 2_000 });
    expect(results[2]?.seen).toMatch(/only \d+ of 1000 in this step$/);
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

  it('tells what passed in brief, and what failed in full', () => {
    const seen = 'x'.repeat(200);
    const table = renderResults([true, false].map((passed) => ({ name: 'step', passed, seen, ms: 0 })));
    const [, passed = '', failed = ''] = table.split('\n');
    expect(passed).toContain(`${'x'.repeat(99)}…`);
    expect(failed).toContain(seen);
  });
});
