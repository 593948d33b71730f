import { join } from 'node:path';

import { Args, Flags } from '@oclif/core';
import { systemClock } from '@clustermesh/runtime';
import type { Provider, RunEvent, Scenario, StepResult } from '@clustermesh/scenarios';

import { BaseCommand } from '../../base-command.ts';

interface ScenarioOutcome {
  readonly scenario: string;
  readonly passed: boolean;
  readonly steps: readonly StepResult[];
}

interface RunFlags {
  readonly keep: boolean;
  readonly collect: string | undefined;
}

export default class ScenarioRun extends BaseCommand {
  static override summary = 'Run multi-cluster scenarios and say what was seen.';
  static override description =
    'A scenario is one YAML file: clusters, workloads, steps, and what must be seen by when. Every step prints the ' +
    'commands that a user would type. Exit code 0 when every step of every file held. What can be said in a file is in ' +
    'scenarios/README.md.';
  static override strict = false;
  static override examples = [
    '<%= config.bin %> scenario run scenarios/demo.yaml',
    '<%= config.bin %> scenario run scenarios/demo.yaml --keep   # leaves the clusters up: clustermesh lab status',
    '<%= config.bin %> scenario run scenarios/*.yaml --collect /tmp/collected',
    '<%= config.bin %> scenario run scenarios/kill-every-program.yaml --rounds 10',
    '<%= config.bin %> scenario run scenarios/demo.yaml --cache redis',
    '<%= config.bin %> scenario run scenarios/demo.yaml --provider kind --dry-run',
  ];
  static override args = { file: Args.string({ description: 'scenario files', required: true }) };
  static override flags = {
    provider: Flags.option({
      description: 'where the clusters run: on this machine as processes, or in Docker',
      options: ['lab', 'kind'] as const,
      default: 'lab' as const,
    })(),
    'kube-assets': Flags.string({
      description: 'directory of kube-apiserver and etcd (envtest layout) for a real Kubernetes API in the lab',
      env: 'KUBEBUILDER_ASSETS',
    }),
    keep: Flags.boolean({ description: 'leave the clusters up afterwards' }),
    mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }),
    repeat: Flags.integer({
      description: 'run each scenario so often, each time with new clusters',
      default: 1,
      min: 1,
    }),
    rounds: Flags.integer({
      description: 'do steps that come in rounds so often, instead of what the file says',
      min: 1,
    }),
    collect: Flags.string({ description: 'directory for logs and state of all clusters of a scenario that failed' }),
    cache: Flags.option({
      description: 'where the clusters keep copies of others, whatever the files say (lab only)',
      options: ['etcd', 'redis'] as const,
    })(),
    'dry-run': Flags.boolean({ description: 'print every command in order and run nothing' }),
  };

  async run(): Promise<readonly ScenarioOutcome[]> {
    const { argv, flags } = await this.parse(ScenarioRun);
    const { loadScenario, renderDryRun } = await import('@clustermesh/scenarios');
    const scenarios = argv.map((file) => loadScenario(String(file), flags));
    if (flags['dry-run']) {
      for (const scenario of scenarios) this.log(renderDryRun(scenario, await this.#provider(scenario, flags)));
      return [];
    }
    const signal = this.stopOnInterrupt();
    const wanted = scenarios.flatMap((scenario) => Array.from({ length: flags.repeat }, () => scenario));
    const outcomes: ScenarioOutcome[] = [];
    for (const scenario of wanted) {
      if (signal.aborted) break;
      outcomes.push(await this.#runOne(scenario, await this.#provider(scenario, flags), flags, signal));
    }
    if (outcomes.length < wanted.length || outcomes.some(({ passed }) => !passed)) process.exitCode = 1;
    if (wanted.length > 1) this.#say(`\n${outcomes.filter(({ passed }) => passed).length} of ${wanted.length} ok`);
    return outcomes;
  }

  async #provider(
    { topology }: Scenario,
    flags: {
      readonly provider: 'lab' | 'kind';
      readonly mesh: string;
      readonly 'kube-assets': string | undefined;
    },
  ): Promise<Provider> {
    const { KindProvider, LabProvider } = await import('@clustermesh/scenarios');
    const { mesh } = flags;
    const cli = this.config.root;
    if (flags.provider === 'kind') return new KindProvider({ cli, mesh, topology });
    return new LabProvider({ cli, mesh, kubeAssets: flags['kube-assets'] });
  }

  async #runOne(
    scenario: Scenario,
    provider: Provider,
    flags: RunFlags,
    signal: AbortSignal,
  ): Promise<ScenarioOutcome> {
    const { hasPassed, renderEvent, renderResults, renderVerdict, runScenario } =
      await import('@clustermesh/scenarios');
    this.#say(`${scenario.name}: ${scenario.summary}`);
    const report = (event: RunEvent): void => this.#say(renderEvent(event));
    const steps = await this.#runThenDown(flags, provider, async () => {
      const results = await runScenario(scenario, { provider, clock: systemClock, report }, signal);
      if (!hasPassed(scenario, results)) await this.#collect(scenario, provider, flags);
      return results;
    });
    this.#say(`\n${renderResults(steps)}\n`);
    if (flags.keep) this.#sayHowToRemove(scenario, provider);
    this.#say(signal.aborted ? `${scenario.name} interrupted` : renderVerdict(scenario, steps));
    return { scenario: scenario.name, passed: hasPassed(scenario, steps), steps };
  }

  /** The verdict is the last line, so cleaning up comes before it, and a clean-up that fails is a failure. */
  async #runThenDown<T>({ keep }: RunFlags, provider: Provider, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } finally {
      if (!keep) await provider.down();
    }
  }

  async #collect(scenario: Scenario, provider: Provider, { collect: parent }: RunFlags): Promise<void> {
    if (parent === undefined) return;
    const { collect } = await import('@clustermesh/scenarios');
    const directory = join(parent, scenario.name);
    await collect(provider, scenario.topology, directory);
    this.#say(`\ncollected logs and state of all clusters: ${directory}`);
  }

  #sayHowToRemove({ topology }: Scenario, provider: Provider): void {
    const commands = provider.commands.down(topology).join('; ');
    this.#say(`left up: export KUBECONFIG=${provider.kubeconfig()}; remove it with: ${commands}`);
  }

  #say(text: string): void {
    if (!this.jsonEnabled()) this.log(text);
  }
}
