import { Command, Flags } from '@oclif/core';
import { describeError, isMeshError } from '@clustermesh/runtime';

const outputFlags = new Set(['-o', '--output']);

/** Every command: kubectl's habits for flags, `-o json` for machines, one clear line for a failure. */
export abstract class BaseCommand extends Command {
  static override baseFlags = {
    kubeconfig: Flags.string({ description: 'kubeconfig file (default: as kubectl)', helpGroup: 'GLOBAL' }),
    namespace: Flags.string({
      char: 'n',
      description: 'namespace of the mesh components',
      default: 'kube-system',
      helpGroup: 'GLOBAL',
    }),
    output: Flags.option({
      char: 'o',
      description: 'summary for people, json for programs',
      options: ['summary', 'json'] as const,
      default: 'summary' as const,
      helpGroup: 'GLOBAL',
    })(),
  };

  /** oclif prints what run() returns as JSON when this holds; people get what run() printed. */
  override jsonEnabled(): boolean {
    return this.argv.some(
      (arg, at) =>
        arg === '--output=json' || arg === '-ojson' || (outputFlags.has(arg) && this.argv[at + 1] === 'json'),
    );
  }

  protected override toErrorJson(error: unknown): unknown {
    return { error: { code: isMeshError(error) ? error.code : 'INTERNAL', message: describeError(error) } };
  }

  /** What failed is one line and exit code 1; oclif itself exits with 2 for wrong usage. */
  protected override async catch(error: Error & { exitCode?: number }): Promise<unknown> {
    if (!isMeshError(error)) return super.catch(error);
    process.exitCode = 1;
    if (this.jsonEnabled()) this.logJson(this.toErrorJson(error));
    else this.logToStderr(`error: ${describeError(error)} (${error.code})`);
    return undefined;
  }

  /** Ctrl-C stops what runs, so that it can clean up; a second one ends at once. */
  protected stopOnInterrupt(): AbortSignal {
    const stop = new AbortController();
    const onSignal = (): void => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    return stop.signal;
  }
}
