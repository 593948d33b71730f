import { duration } from '@clustermesh/runtime';
import { z } from 'zod';

import type { ExpectationVerb } from '../verb.ts';

const params = z.strictObject({ name: z.string(), after: duration.prefault('1s') });

/** Silence that counts as the end: several times as long as requests are apart. */
const silenceMs = 2_000;

export const trafficStopped: ExpectationVerb<z.output<typeof params>> = {
  name: 'stops',
  summary:
    'background traffic has had its last answer at most `after` (1s) the actions of this step, as measured where it is sent',
  params,
  needs: () => 'packets',
  clusters: () => [],
  commands: () => [],
  check: async ({ name, after }, { traffic }) => {
    const found = traffic.get(name);
    if (found === undefined) return { isMet: false, seen: `no traffic is called ${name}`, isFinal: true };
    const { at, lastOkAt } = found.report;
    const lasted = lastOkAt - found.actedAt;
    const isSilent = at - Math.max(lastOkAt, found.actedAt) >= silenceMs;
    return {
      isMet: isSilent && lasted <= after,
      seen: isSilent ? `${name}: the last answer after ${Math.max(0, lasted)} ms` : `${name} goes on`,
      isFinal: lasted > after,
    };
  },
};
