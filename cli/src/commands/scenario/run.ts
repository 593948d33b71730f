import { Args, Flags } from '@oclif/core';
import { systemClock } from '@clustermesh/runtime';
import type { LabProvider, RunEvent, Scenario, StepResult } from '@clustermesh/scenarios';

import { BaseCommand } from '../../base-command.ts';

interface ScenarioOutcome {
  readonly scenario: string;
  readonly passed: boolean;
  readonly steps: readonly StepResult[];
}

export default class ScenarioRun extends BaseCommand {
  static override summary = 'Run multi-cluster scenarios and say what was seen.';
  static override description =
    'A scenario is one YAML file: clusters, workloads, steps, and what must be seen by when. Every step prints the ' +
    'commands that a user would type. Exit code 0 when every step of every file held.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> scenario run scenarios/demo.yaml',
    '<%= config.bin %> scenario run scenarios/demo.yaml --keep   # leaves the clusters up: clustermesh lab status',
    '<%= config.bin %> scenario run scenarios/demo.yaml --mesh demo   # beside another lab',
  ];
  static override args = { file: Args.string({ description: 'scenario files', required: true }) };
  static override flags = {
    provider: Flags.option({
      description: 'where the clusters run',
      options: ['lab'] as const,
      default: 'lab' as const,
    })(),
    'kube-assets': Flags.string({
      description: 'directory of kube-apiserver and etcd (envtest layout) for a real Kubernetes API in the lab',
      env: 'KUBEBUILDER_ASSETS',
    }),
    keep: Flags.boolean({ description: 'leave the clusters up afterwards' }),
    mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }),
  };

  async run(): Promise<readonly ScenarioOutcome[]> {
    const { argv, flags } = await this.parse(ScenarioRun);
    const { LabProvider: Lab, loadScenario } = await import('@clustermesh/scenarios');
    const scenarios = argv.map((file) => loadScenario(String(file)));
    const signal = this.stopOnInterrupt();
    const outcomes: ScenarioOutcome[] = [];
    for (const scenario of scenarios) {
      if (signal.aborted) break;
      outcomes.push(
        await this.#runOne(
          scenario,
          new Lab({ cli: this.config.root, mesh: flags.mesh, kubeAssets: flags['kube-assets'] }),
          flags,
          signal,
        ),
      );
    }
    if (outcomes.length < scenarios.length || outcomes.some(({ passed }) => !passed)) process.exitCode = 1;
    return outcomes;
  }

  async #runOne(
    scenario: Scenario,
    provider: LabProvider,
    { keep, mesh }: { readonly keep: boolean; readonly mesh: string },
    signal: AbortSignal,
  ): Promise<ScenarioOutcome> {
    const { hasPassed, renderEvent, renderResults, renderVerdict, runScenario } =
      await import('@clustermesh/scenarios');
    const say = (text: string): void => {
      if (!this.jsonEnabled()) this.log(text);
    };
    say(`${scenario.name}: ${scenario.summary}`);
    const report = (event: RunEvent): void => say(renderEvent(event));
    const steps = await this.#runThenDown(keep, provider, () =>
      runScenario(scenario, { provider, clock: systemClock, report }, signal),
    );
    say(`\n${renderResults(steps)}\n`);
    if (keep)
      say(`left up: export KUBECONFIG=${provider.kubeconfig()}; remove it with: clustermesh lab down --mesh ${mesh}`);
    say(signal.aborted ? `${scenario.name} interrupted` : renderVerdict(scenario, steps));
    return { scenario: scenario.name, passed: hasPassed(scenario, steps), steps };
  }

  /** The verdict is the last line, so cleaning up comes before it, and a clean-up that fails is a failure. */
  async #runThenDown<T>(keep: boolean, provider: LabProvider, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } finally {
      if (!keep) await provider.down();
    }
  }
}
