import { MeshError, createLogger, runMain, systemClock, systemRandom } from '@clustermesh/runtime';

import { apiserverConfig, loadConfig } from './config.ts';
import { etcdinitConfig } from './etcdinit/config.ts';
import { etcdinit } from './etcdinit/etcdinit.ts';
import { runApiserver } from './wiring.ts';

const usage = `Usage: clustermesh-apiserver [clustermesh] --cluster-name NAME --cluster-id ID [options]   publish this cluster
       clustermesh-apiserver etcdinit --cluster-name NAME [options]   set up the users and roles of an empty etcd`;

const commands = ['clustermesh', 'etcdinit'] as const;
const [first = '', ...others] = process.argv.slice(2);
const isNamed = first !== '' && !first.startsWith('-');
const command = isNamed ? commands.find((each) => each === first) : 'clustermesh';
const argv = isNamed ? others : process.argv.slice(2);

if (argv.includes('--help') || argv.includes('-h')) {
  const config = command === 'etcdinit' ? etcdinitConfig : apiserverConfig;
  process.stdout.write(`${config.help(usage)}\n`);
} else {
  await runMain(createLogger('clustermesh-apiserver'), (signal) => main(signal));
}

async function main(signal: AbortSignal): Promise<void> {
  switch (command) {
    case 'clustermesh':
      return publish(signal);
    case 'etcdinit': {
      const config = etcdinitConfig.load({ argv });
      const log = createLogger('etcdinit', config.debug ? 'debug' : 'info');
      return etcdinit(config, { clock: systemClock, random: systemRandom, log }, signal);
    }
    case undefined:
      throw new MeshError('CONFIG_INVALID', `unknown command "${first}": there are ${commands.join(', ')}`);
  }
}

async function publish(signal: AbortSignal): Promise<void> {
  const config = loadConfig({ argv });
  const log = createLogger('clustermesh-apiserver', config.logLevel);
  log.info({ config }, 'starting');
  for (const { flag, description } of apiserverConfig.inert({ argv })) {
    log.info({ setting: `--${flag}`, reason: description }, 'setting without effect');
  }
  await runApiserver(config, log, signal);
}
