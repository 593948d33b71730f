import { createLogger, defineConfig, runMain, systemClock, systemRandom } from '@clustermesh/runtime';
import { z } from 'zod';

import { mustReadLabState } from './lab-state.ts';
import { runSupervisor } from './supervisor.ts';

const config = defineConfig(z.object({ stateDir: z.string().describe('state directory of the lab') }));
const { stateDir } = config.load({ argv: process.argv.slice(2) });
const log = createLogger('lab-supervisor');

await runMain(log, async (signal) => {
  const state = await mustReadLabState(stateDir);
  await runSupervisor(state, { clock: systemClock, random: systemRandom, log }, signal);
});
