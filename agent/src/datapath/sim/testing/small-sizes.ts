import { defaultMapSizes } from '../../../maps/datapath-maps.ts';
import type { MapSizes } from '../../../maps/datapath-maps.ts';

/** Room enough for tests, and quickly made. */
export const smallSizes: MapSizes = {
  ...defaultMapSizes,
  svc: 64,
  slot: 256,
  backend: 64,
  node: 16,
  node_ip: 16,
  probe: 16,
  ipc_host: 64,
  ipc_cidr: 64,
  ep_ip: 16,
  ep_if: 16,
  aff: 64,
  rev_udp: 64,
  policy: 4_096,
  policy_len: 1_024,
  ct: 8_192,
  frag: 64,
};
