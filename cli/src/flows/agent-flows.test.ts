import { describe, expect, it } from '@jest/globals';
import { FakeClock, MeshError } from '@clustermesh/runtime';

import { collectFlows } from './agent-flows.ts';
import type { FlowLine } from './flow-line.ts';
import type { FlowRequest } from './flow-request.ts';
import { toldFlow } from './testing/told-flow.ts';

const once: FlowRequest = {
  ...{ last: 20, follow: false, since_ms: 0, skip_kept: false },
  filter: { verdict: '', reasons: [], cluster: '' },
};

/** An agent that answers as it is told, call by call: a line, or a failure. */
function setUp(answers: readonly (FlowLine | Error)[]) {
  const clock = new FakeClock();
  const asked: FlowRequest[] = [];
  const lines: FlowLine[] = [];
  const troubles: string[] = [];
  const agent = {
    node: 'n1',
    async *open(request: FlowRequest): AsyncGenerator<FlowLine> {
      const answer = answers[asked.length];
      asked.push(request);
      await Promise.resolve();
      if (answer === undefined) return;
      if ('verdict' in answer || 'lost' in answer) yield answer;
      else throw answer;
    },
  };
  const options = {
    clock,
    onLine: (line: FlowLine): void => void lines.push(line),
    onTrouble: (message: string): void => void troubles.push(message),
  };
  return { clock, agent, asked, lines, troubles, options };
}

const gone = new MeshError('COMMAND_FAILED', 'no agent answers', { retryable: true });

describe('collectFlows', () => {
  it('gives what the agent tells', async () => {
    const { agent, lines, options } = setUp([toldFlow]);
    expect(await collectFlows(agent, once, options, new AbortController().signal)).toBe(true);
    expect(lines).toEqual([toldFlow]);
  });

  it('says that an agent does not answer, and does not fail', async () => {
    const { agent, troubles, options } = setUp([gone]);
    expect(await collectFlows(agent, once, options, new AbortController().signal)).toBe(false);
    expect(troubles).toEqual(['node n1: its flows are not shown: no agent answers']);
  });

  it('does not ask again what an agent refuses', async () => {
    const refusal = new MeshError('COMMAND_FAILED', 'tell flows: --policy-scope=none, nothing is judged');
    const { agent, asked, troubles, options } = setUp([refusal]);
    const request = { ...once, follow: true };
    expect(await collectFlows({ ...agent, node: '' }, request, options, new AbortController().signal)).toBe(false);
    expect(asked).toHaveLength(1);
    expect(troubles).toEqual(['flows are not shown: tell flows: --policy-scope=none, nothing is judged']);
  });

  it('goes on behind what the agent told last', async () => {
    const { clock, agent, asked, options } = setUp([toldFlow, toldFlow]);
    const stop = new AbortController();
    const collected = collectFlows(agent, { ...once, follow: true }, options, stop.signal);
    await clock.advance(2_500);
    stop.abort();
    await collected;
    expect(asked[1]?.since_ms).toBeCloseTo(Date.UTC(2026, 0, 1) + 1_002.001, 3);
  });

  it('goes on with an agent that went away, from then on, and says both once', async () => {
    const { clock, agent, asked, lines, troubles, options } = setUp([gone, gone, toldFlow]);
    const stop = new AbortController();
    const collected = collectFlows(agent, { ...once, follow: true }, options, stop.signal);
    await clock.advance(4_500);
    stop.abort();
    expect(await collected).toBe(true);
    expect(lines).toEqual([toldFlow]);
    expect(troubles).toEqual([
      'node n1: its flows are not shown: no agent answers',
      'node n1: its flows are shown again',
    ]);
    expect(asked[2]).toMatchObject({ last: 0, since_ms: Date.UTC(2026, 0, 1) });
  });
});
