/** Sends one VXLAN packet from an address: outer source, outer destination, VNI, inner frame in hex. */
import { createSocket } from 'node:dgram';
import { argv } from 'node:process';
import { vxlanPayload } from './packets.ts';

const [outerSource = '', outerDestination = '', vni = '', inner = ''] = argv.slice(2);
const socket = createSocket(outerSource.includes(':') ? 'udp6' : 'udp4');
socket.bind(0, outerSource, () => {
  const packet = vxlanPayload(Number(vni), Buffer.from(inner, 'hex'));
  socket.send(packet, 8472, outerDestination, () => socket.close());
});
