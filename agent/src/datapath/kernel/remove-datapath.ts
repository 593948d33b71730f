import { detachClsact, detachDevice } from '@clustermesh/ebpf';
import { z } from 'zod';

import { dropStaged } from '../migrate/migration.ts';
import { ipJson } from './ip-command.ts';
import { removePins, pinsIn } from './pins.ts';
import { podPins } from './pod-pins.ts';
import { removeTunnelDevice } from './tunnel-device.ts';

/** Takes everything out of the kernel that an agent with these settings put there: what is attached first, then maps. */
export async function removeDatapath(
  options: { readonly bpfFs: string; readonly tunnelDevice: string },
  signal: AbortSignal,
): Promise<void> {
  const pins = pinsIn(options.bpfFs);
  for (const pin of podPins(pins)) detachDevice(pin);
  await removeFilters(signal);
  removePins(pins.links);
  removePins(pins.maps);
  dropStaged(pins);
  await removeTunnelDevice(options.tunnelDevice, signal);
}

/** Filters stay where the pins that tell of them were lost, unlike links. */
async function removeFilters(signal: AbortSignal): Promise<void> {
  const links = await ipJson(z.object({ ifindex: z.number() }), ['link', 'show'], signal);
  for (const { ifindex } of links) {
    for (const direction of ['ingress', 'egress'] as const) detachClsact({ ifindex, direction });
  }
}
