import { z } from 'zod';

import { renderTraffic, sumOf } from '../traffic.ts';
import type { ExpectationVerb } from '../verb.ts';

const params = z.strictObject({
  name: z.string(),
  /** At most so many since the traffic began. */
  failed: z.number().int().min(0).default(0),
  broken: z.number().int().min(0).default(0),
  /** At least so many successes in this step. */
  more: z.number().int().min(0).default(50),
});

export const trafficHeld: ExpectationVerb<z.output<typeof params>> = {
  name: 'traffic',
  summary:
    'background traffic goes on (`more`, 50, successes in this step) and has had no more than `failed` (0) failures and `broken` (0) connections since it began',
  params,
  needs: () => 'packets',
  clusters: () => [],
  commands: () => [],
  check: async ({ name, failed, broken, more }, { traffic }) => {
    const found = traffic.get(name);
    if (found === undefined) return { isMet: false, seen: `no traffic is called ${name}`, isFinal: true };
    const { report, okInStep } = found;
    const isTooMuch = sumOf(report.failed) > failed || sumOf(report.broken) > broken;
    const slow = okInStep < more ? `, only ${okInStep} of ${more} in this step` : '';
    return {
      isMet: !isTooMuch && okInStep >= more,
      seen: `${name}: ${renderTraffic(report)}${slow}`,
      isFinal: isTooMuch,
    };
  },
};
