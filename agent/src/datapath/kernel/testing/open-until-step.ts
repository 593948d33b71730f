/** Opens the datapath as an agent would, and dies by SIGKILL right before one of its steps. Argument: JSON. */
import { argv, kill, pid } from 'node:process';
import { createLogger } from '@clustermesh/runtime';

import { KernelDatapath } from '../kernel-datapath.ts';
import type { KernelDatapathOptions } from '../kernel-datapath.ts';

export interface OpenOrder {
  readonly options: Omit<KernelDatapathOptions, 'nodeAddresses'>;
  /** How the step begins that it does not live to see; one that there is not: it ends by itself. */
  readonly step: string;
}

const { options, step: last } = JSON.parse(argv[2] ?? '') as OpenOrder;
const log = createLogger('test', 'silent');
log.debug = (said: unknown) => {
  const { step = '' } = said as { readonly step?: string };
  if (step.startsWith(last)) kill(pid, 'SIGKILL');
};
using _datapath = await KernelDatapath.open(
  { ...options, nodeAddresses: { ipv4: new Uint8Array(16), ipv6: new Uint8Array(16) } },
  log,
  new AbortController().signal,
);
