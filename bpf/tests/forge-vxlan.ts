/** Sends one VXLAN packet from an address: outer source, outer destination, VNI, inner source, inner destination. */
import { createSocket } from 'node:dgram';
import { argv } from 'node:process';
import { ipv4Frame, vxlanPayload } from './packets.ts';

const [outerSource = '', outerDestination = '', vni = '', source = '', destination = ''] = argv.slice(2);
const socket = createSocket('udp4');
socket.bind(0, outerSource, () => {
  const packet = vxlanPayload(Number(vni), ipv4Frame({ source, destination }));
  socket.send(packet, 8472, outerDestination, () => socket.close());
});
