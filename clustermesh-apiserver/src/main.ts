import { createLogger, runMain, systemClock, systemRandom } from '@clustermesh/runtime';

import { apiserverConfig, loadConfig } from './config.ts';
import { etcdinitConfig } from './etcdinit/config.ts';
import { etcdinit } from './etcdinit/etcdinit.ts';
import { runApiserver } from './wiring.ts';

const usage = `Usage: clustermesh-apiserver [clustermesh] --cluster-name NAME --cluster-id ID [options]   publish this cluster
       clustermesh-apiserver etcdinit --cluster-name NAME [options]   set up the users and roles of an empty etcd`;

const [first = '', ...others] = process.argv.slice(2);
const isNamed = first === 'clustermesh' || first === 'etcdinit';
const argv = isNamed ? others : process.argv.slice(2);

if (argv.includes('--help')) {
  const config = first === 'etcdinit' ? etcdinitConfig : apiserverConfig;
  process.stdout.write(`${config.help(usage)}\n`);
} else {
  await runMain(createLogger('clustermesh-apiserver'), async (signal) => {
    if (first === 'etcdinit') {
      const deps = { clock: systemClock, random: systemRandom, log: createLogger('etcdinit') };
      await etcdinit(etcdinitConfig.load({ argv }), deps, signal);
      return;
    }
    const config = loadConfig({ argv });
    const log = createLogger('clustermesh-apiserver', config.logLevel);
    log.info({ config }, 'starting');
    for (const { flag, description } of apiserverConfig.inert({ argv })) {
      log.info({ setting: `--${flag}`, reason: description }, 'setting without effect');
    }
    await runApiserver(config, log, signal);
  });
}
