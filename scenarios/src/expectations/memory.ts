import { z } from 'zod';

import { programs } from '../provider.ts';
import type { ExpectationVerb } from '../verb.ts';

const params = z.strictObject({
  cluster: z.string(),
  program: z.enum(programs),
  /** In MiB, each of them. */
  atMost: z.number().positive(),
});

const mebibyte = 1_048_576;

export const memory: ExpectationVerb<z.output<typeof params>> = {
  name: 'memory',
  summary: 'no process of a program of a cluster has more than `atMost` MiB resident',
  params,
  needs: () => 'memory',
  clusters: ({ cluster }) => [cluster],
  commands: ({ cluster }, { provider }) => provider.commands.memory(cluster),
  check: async ({ cluster, program, atMost }, { provider }) => {
    const sizes = await provider.memory(cluster, program);
    const largest = Math.round(Math.max(0, ...sizes) / mebibyte);
    return {
      isMet: sizes.length > 0 && largest <= atMost,
      seen: sizes.length === 0 ? `${program} of ${cluster} does not run` : `${program} of ${cluster}: ${largest} MiB`,
    };
  },
};
