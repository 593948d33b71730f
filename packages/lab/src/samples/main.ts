import { connectEtcdEventually } from '@clustermesh/kvstore';
import { Health, createLogger, defineConfig, durationSetting, runMain } from '@clustermesh/runtime';
import { systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { z } from 'zod';

import { readDesiredKeys } from './desired-keys.ts';
import { publishSamples } from './publish-samples.ts';

const config = defineConfig(
  z.object({
    etcdConfig: z.string().describe('etcd client file'),
    dir: z.string().describe('directory of what is to be published'),
    heartbeatInterval: durationSetting('60s', 'how often the heartbeat is written'),
  }),
);
const { etcdConfig, dir, heartbeatInterval } = config.load({ argv: process.argv.slice(2) });
const log = createLogger('samples');
/** Cilium's own default. */
const leaseTtlSeconds = 900;

await runMain(log, async (signal) => {
  const deps = { clock, random, log, health: new Health(clock) };
  const kv = await connectEtcdEventually(etcdConfig, { session: true, leaseTtlSeconds }, deps, signal);
  if (kv === undefined) return;
  await using _closed = kv;
  await publishSamples({ ...deps, kv, desired: () => readDesiredKeys(dir), heartbeatMs: heartbeatInterval }, signal);
});
