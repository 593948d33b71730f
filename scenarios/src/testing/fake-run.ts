import { FakeClock } from '@clustermesh/runtime';

import { Manifests } from '../manifests.ts';
import { Probers } from '../probers.ts';
import type { CommandResult, Probe, Provider, RunningProbe } from '../provider.ts';
import type { Run } from '../run.ts';
import { unusedProvider } from './unused-provider.ts';

/** For tests: a run on a provider of which only some is there. */
export function fakeRun(provider: Partial<Provider>, more: Partial<Run> = {}): Run & { readonly clock: FakeClock } {
  const whole: Provider = { ...unusedProvider, ...provider };
  return {
    topology: {
      clusters: ['east', 'west'].map((name, index) => ({ name, id: index + 1, nodes: 1, ipFamilies: ['IPv4'] })),
    },
    manifests: new Manifests({}),
    provider: whole,
    probers: new Probers(whole),
    signal: new AbortController().signal,
    deletedPods: new Map(),
    traffic: new Map(),
    remembered: new Map(),
    ...more,
    clock: new FakeClock(),
  };
}

/** `clustermesh` that answers by its first words: `status --context east`. Text is as it is, everything else JSON. */
export function fakeCli(answers: Readonly<Record<string, unknown>>): Pick<Provider, 'clustermesh'> {
  return {
    clustermesh: async (argv): Promise<CommandResult> => {
      const [, answer] = Object.entries(answers).find(([words]) => argv.join(' ').startsWith(words)) ?? [];
      if (answer === undefined) return { exitCode: 1, stdout: '', stderr: `error: no answer to ${argv.join(' ')}\n` };
      return { exitCode: 0, stdout: typeof answer === 'string' ? answer : JSON.stringify(answer), stderr: '' };
    },
  };
}

/** A Service with these fields behind every look-up, and probes that end with what `output` says of them. */
export function fakeService(
  spec: object,
  output: (probe: Probe) => object,
): Pick<Provider, 'kube' | 'startProbe'> & { readonly probes: Probe[] } {
  const probes: Probe[] = [];
  return {
    probes,
    kube: () => ({ ...unusedProvider.kube(''), get: async () => ({ metadata: { name: 'echo' }, spec }) as never }),
    startProbe: async (_cluster, _pod, probe): Promise<RunningProbe> => {
      probes.push(probe);
      const report = { answers: {}, failures: {}, slowestFailureMs: 0, ...output(probe) };
      return {
        latest: () => report,
        ask: async () => report,
        ended: Promise.resolve({ exitCode: 0, stdout: JSON.stringify(report), stderr: '' }),
        stop: async () => undefined,
      };
    },
  };
}
