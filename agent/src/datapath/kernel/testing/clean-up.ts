/** As `--cleanup` does, in the namespace it runs in. Argument: JSON. */
import { argv } from 'node:process';

import { removeDatapath } from '../remove-datapath.ts';

const options = JSON.parse(argv[2] ?? '') as Parameters<typeof removeDatapath>[0];
await removeDatapath(options, new AbortController().signal);
