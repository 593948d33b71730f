import { expect, it } from '@jest/globals';
import { inNetworkNamespace, peerInterface } from '@clustermesh/ebpf';
import type { PeerInterface } from '@clustermesh/ebpf';
import { TestNetns } from '@clustermesh/testkit';
import { describeKernel } from './kernel.ts';

describeKernel('the far end of a veth pair', () => {
  it('tells its MAC address, MTU and addresses across namespaces', () => {
    using node = new TestNetns('near');
    using pod = new TestNetns('far');
    node.ip(`link add v1 type veth peer name eth0 address 0a:58:0a:01:00:05 mtu 1400 netns ${pod.name}`);
    pod.ip('addr add 10.1.0.5/24 dev eth0');
    pod.ip('addr add 10.1.0.6 peer 10.1.0.7 dev eth0');
    pod.ip('addr add fd00:10:1::5/128 dev eth0 nodad');
    expect(peerOf(node)).toEqual({
      mac: Uint8Array.of(0x0a, 0x58, 10, 1, 0, 5),
      mtu: 1400,
      addresses: [
        Uint8Array.of(10, 1, 0, 5),
        Uint8Array.of(10, 1, 0, 6),
        Uint8Array.of(0xfd, 0, 0, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5),
      ],
    });
  });

  it('is unknown where there is none', () => {
    using node = new TestNetns('near');
    const asked = (): unknown => inNetworkNamespace(node.path, () => peerInterface({ netnsId: 7, ifindex: 2 }));
    expect(asked()).toBeUndefined();
  });

  function peerOf(node: TestNetns): PeerInterface | undefined {
    const [link] = JSON.parse(node.ip('-json link show v1')) as [{ link_index: number; link_netnsid: number }];
    const reference = { netnsId: link.link_netnsid, ifindex: link.link_index };
    return inNetworkNamespace(node.path, () => peerInterface(reference));
  }
});
