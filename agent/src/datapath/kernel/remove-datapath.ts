import { dropStaged } from '../migrate/migration.ts';
import { removePins, pinsIn } from './pins.ts';
import { removeTunnelDevice } from './tunnel-device.ts';

/** Takes everything out of the kernel that an agent with these settings put there: links first, then maps. */
export async function removeDatapath(
  options: { readonly bpfFs: string; readonly tunnelDevice: string },
  signal: AbortSignal,
): Promise<void> {
  const pins = pinsIn(options.bpfFs);
  removePins(pins.links);
  removePins(pins.maps);
  dropStaged(pins);
  await removeTunnelDevice(options.tunnelDevice, signal);
}
