import { z } from 'zod';

import { clustermeshJson, mustRunClustermesh } from '../run.ts';
import { troubleshootCommand } from '../provider.ts';
import type { ExpectationVerb } from '../verb.ts';

/** The part of `clustermesh status -o json` that scenarios look at. */
const statusOutput = z.object({
  clusters: z.array(
    z.object({
      name: z.string(),
      state: z.string(),
      ready: z.boolean(),
      age: z.string().optional(),
      error: z.string().optional(),
    }),
  ),
  problems: z.array(z.string()).default([]),
});
export type StatusOutput = z.output<typeof statusOutput>;

export async function readStatus(run: Parameters<typeof clustermeshJson>[0], cluster: string): Promise<StatusOutput> {
  return statusOutput.parse(await clustermeshJson(run, ['status', '--context', cluster]));
}

const remoteParams = z.strictObject({
  of: z.string(),
  cluster: z.string(),
  is: z.enum(['ready', 'connecting', 'stale', 'failed', 'draining', 'unknown', 'absent']),
  /** Words of the reason. */
  because: z.string().optional(),
});

export const remote: ExpectationVerb<z.output<typeof remoteParams>> = {
  name: 'remote',
  summary: 'how one cluster sees another in `clustermesh status`; `because` are words of the reason',
  params: remoteParams,
  clusters: ({ of, cluster }) => [of, cluster],
  commands: ({ of }) => [`clustermesh status --context ${of}`],
  check: async ({ of, cluster, is, because = '' }, run) => {
    const found = (await readStatus(run, of)).clusters.find(({ name }) => name === cluster);
    if (found === undefined) return { isMet: is === 'absent', seen: `${of} does not know ${cluster}` };
    const age = found.state === 'stale' && found.age !== undefined ? ` for ${found.age}` : '';
    const reason = because !== '' && found.error !== undefined ? `: ${found.error}` : '';
    const isState = is === 'ready' ? found.ready && found.state === 'ready' : found.state === is;
    return {
      isMet: isState && (found.error ?? '').includes(because),
      seen: `${of} sees ${cluster} ${found.state}${age}${reason}`,
    };
  },
};

const showsParams = z.strictObject({
  of: z.string(),
  /** `status`, or `inspect …`. */
  command: z.string().default('status'),
  text: z.array(z.string()).default([]),
  without: z.array(z.string()).default([]),
});

export const shows: ExpectationVerb<z.output<typeof showsParams>> = {
  name: 'shows',
  summary:
    'what people read: `clustermesh status` (or `command`) of a cluster has each `text` and nothing of `without`',
  params: showsParams,
  clusters: ({ of }) => [of],
  commands: ({ of, command }) => [`clustermesh ${command} --context ${of}`],
  check: async ({ of, command, text, without }, run) => {
    const shown = await mustRunClustermesh(run, [...command.split(' '), '--context', of]);
    const missing = text.filter((words) => !shown.includes(words));
    const unwanted = without.filter((words) => shown.includes(words));
    const lines = shown.split('\n').filter((line) => [...text, ...unwanted].some((words) => line.includes(words)));
    if (missing.length === 0 && unwanted.length === 0) {
      return {
        isMet: true,
        seen:
          text.length === 0
            ? `${of} no longer shows ${without.join(', ')}`
            : (lines[0] ?? '').trim().replace(/\s+/g, ' '),
      };
    }
    const problems = [...missing.map((words) => `no "${words}"`), ...unwanted.map((words) => `still "${words}"`)];
    return { isMet: false, seen: `${command} of ${of} has ${problems.join(', ')}: ${shown.trim()}` };
  },
};

const troubleshootParams = z.strictObject({ of: z.string() });

export const troubleshoot: ExpectationVerb<z.output<typeof troubleshootParams>> = {
  name: 'troubleshoot',
  summary: '`clustermesh troubleshoot`, run where the links of a cluster begin, finds nothing that failed',
  params: troubleshootParams,
  clusters: ({ of }) => [of],
  commands: ({ of }) => [troubleshootCommand(of)],
  check: async ({ of }, { provider }) => {
    const { exitCode, stdout, stderr } = await provider.troubleshoot(of);
    const said = (exitCode === 0 ? stdout : stderr || stdout).trim();
    return { isMet: exitCode === 0, seen: exitCode === 0 ? (said.split('\n').at(-1) ?? '') : said };
  },
};
