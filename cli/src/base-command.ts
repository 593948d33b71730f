import { stripVTControlCharacters } from 'node:util';
import { Command, Flags } from '@oclif/core';
import { describeError, isMeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';

const outputFlags = new Set(['-o', '--output']);
const wrongUsage = 2;
/** Exit code of what Ctrl-C ended, as shells have it: a script must not go on. */
export const interrupted = 130;

/** What to do about failures whose message cannot know it; the others say it themselves. */
const advice: Partial<Record<ErrorCode, string>> = {
  KUBE_FORBIDDEN: 'use a context whose user has the right (kubectl auth whoami)',
  KUBE_UNAVAILABLE: 'is that API server up, and the context the right one (kubectl cluster-info)?',
  HOST_UNREACHABLE: 'is that API server up, and the context the right one (kubectl cluster-info)?',
};

/** Of commands that talk to clusters. */
export const kubeFlags = {
  kubeconfig: Flags.string({ description: 'kubeconfig file (default: as kubectl)', helpGroup: 'GLOBAL' }),
  namespace: Flags.string({
    char: 'n',
    description: 'namespace of the mesh components',
    default: 'kube-system',
    helpGroup: 'GLOBAL',
  }),
};

/** Every command: kubectl's habits for flags, `-o json` for machines, one clear line for a failure. */
export abstract class BaseCommand extends Command {
  #interrupt: AbortSignal | undefined;

  static override baseFlags = {
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
    return { error: { code: isMeshError(error) ? error.code : 'INTERNAL', message: explain(error) } };
  }

  /** What failed is one line; exit code 1, or 2 for wrong usage. */
  protected override async catch(error: Error & { oclif?: { exit?: number } }): Promise<unknown> {
    if (error.oclif?.exit === wrongUsage) {
      process.exitCode = wrongUsage;
      const command = [this.config.bin, ...(this.id ?? '').split(':')].join(' ');
      this.logToStderr(`error: ${usageProblem(error.message)}\nSee '${command} --help' for usage.`);
      return undefined;
    }
    if (this.#interrupt?.aborted === true && !isMeshError(error)) {
      process.exitCode = interrupted;
      return undefined;
    }
    if (!isMeshError(error)) return super.catch(error);
    process.exitCode = 1;
    if (this.jsonEnabled()) this.logJson(this.toErrorJson(error));
    else this.logToStderr(`error: ${explain(error)} (${error.code})`);
    return undefined;
  }

  /** Ctrl-C stops what runs, so that it can clean up; a second one ends at once. */
  protected stopOnInterrupt(): AbortSignal {
    const stop = new AbortController();
    this.#interrupt = stop.signal;
    const onSignal = (): void => {
      if (stop.signal.aborted) process.exit(interrupted);
      stop.abort();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    return stop.signal;
  }
}

function explain(error: unknown): string {
  const what = describeError(error);
  const help = isMeshError(error) ? advice[error.code] : undefined;
  return help === undefined ? what : `${what}: ${help}`;
}

/** The parser's words on one line, without its colours and without the page of help that it refers to. */
function usageProblem(message: string): string {
  const words = stripVTControlCharacters(message).replace(/See more help with --help/, '');
  return words
    .replace(/^The following errors? occurred:/, '')
    .trim()
    .replaceAll(/\s+/g, ' ');
}
