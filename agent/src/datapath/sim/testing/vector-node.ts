import { addressOf } from './map-writer.ts';

/** A test run without a device is on the loopback device: where the pods of vectors are, and the tunnel. */
export const ownInterface = 1;

/** Of the node that vectors are about. */
export const localNode = {
  localClusterId: 1,
  vxlanIfindex: ownInterface,
  localUnderlay: addressOf('172.30.1.11'),
  localUnderlay6: addressOf('fd00:30:1::11'),
};
