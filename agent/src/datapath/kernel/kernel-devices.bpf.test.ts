import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { hookPlace, probeKernel } from '@clustermesh/ebpf';
import type { AttachMethod, HookPlace } from '@clustermesh/ebpf';
import { TestNetns, eventually } from '@clustermesh/testkit';

import { podHooks } from './hooks.ts';
import { DeviceNode } from './testing/device-node.ts';

// Agents' processes and connections that time out, on a busy machine.
jest.setTimeout(90_000);

const { usable, attachMethod } = probeKernel();
const describeKernel = usable ? describe : describe.skip;
const methods: readonly AttachMethod[] = attachMethod === 'tcx' ? ['tcx', 'clsact'] : ['clsact'];
const identity = 65_540;

describeKernel('the programs at pods’ interfaces', () => {
  let node: DeviceNode;

  beforeEach(() => {
    node = new DeviceNode();
  });

  afterEach(() => node[Symbol.asyncDispose]());

  function placesAt(device: string): readonly HookPlace[] {
    const { ifindex } = node.netns.device(device);
    return podHooks.map(({ link, direction }) =>
      node.inside(() => hookPlace({ ifindex, direction, pinPath: node.pinPath(`${link}_${ifindex}`) })),
    );
  }

  describe.each(methods)('by %s', (method) => {
    it('close a new interface until its pod is known; stay through a restart and go with a clean-up', async () => {
      await node.start(method);
      node.addPod('pod5', '10.1.0.5');
      await eventually(() => expect(placesAt('pod5')).toEqual(['first', 'first']));
      expect(await node.passes('10.1.0.5')).toBe(false);
      await eventually(() => expect(node.lastRound.problems).toEqual([expect.stringMatching(/^pod5: closed/)]));
      node.know({ '10.1.0.5': identity });
      await node.eventuallyPasses('10.1.0.5');

      await node.end();
      node.addPod('pod6', '10.1.0.6');
      expect([placesAt('pod5'), placesAt('pod6')]).toEqual([
        ['first', 'first'],
        ['missing', 'missing'],
      ]);
      await node.start(method);
      await eventually(() => expect(placesAt('pod6')).toEqual(['first', 'first']));
      expect(await node.passes('10.1.0.5')).toBe(true);
      expect(await node.passes('10.1.0.6')).toBe(false);

      await node.end();
      await node.cleanUp();
      expect([node.pins('links'), placesAt('pod5'), node.tc('qdisc show dev pod5 clsact')]).toEqual([
        [],
        ['missing', 'missing'],
        '',
      ]);
      expect(await node.passes('10.1.0.6')).toBe(true);
    });
  });

  it('get in front of who came later, are put back where they were taken away, and leave another’s filter alone', async () => {
    node.addPod('pod5', '10.1.0.5');
    node.know({ '10.1.0.5': identity });
    await node.start('clsact');
    const program = `bpf direct-action object-file ${node.foreignObject} section tc`;
    node.tc(`filter add dev pod5 egress prio 1 protocol all handle 1 ${program}`);
    expect(node.filters('pod5', 'egress')[0]).toBe('0x1');
    node.know({});
    await eventually(() => expect(node.filters('pod5', 'egress')).toEqual([expect.stringMatching(/0x6d6573/), '0x1']));
    node.tc('filter del dev pod5 ingress');
    node.know({});
    await eventually(() => expect(placesAt('pod5')).toEqual(['first', 'first']));
    await node.end();
    await node.start(attachMethod);
    expect(placesAt('pod5')).toEqual(['first', 'first']);
    if (attachMethod === 'tcx') {
      node.attachForeign('tcx', 'pod5');
      expect(placesAt('pod5')).toContain('behind');
      node.know({});
      await eventually(() => expect(placesAt('pod5')).toEqual(['first', 'first']));
    }
    await node.end();
    await node.cleanUp();
    expect(node.filters('pod5', 'egress')).toEqual(['0x1']);
  });

  it('stay with the other pods when something cannot be put right, which is told', async () => {
    node.addPod('pod5', '10.1.0.5');
    node.know({ '10.1.0.5': identity });
    await node.start(attachMethod);
    node.netns.ip('link del tunnel0');
    node.know({});
    await eventually(() => expect(node.lastRound.problems).toEqual([expect.stringMatching(/^attach a program to /)]));
    node.addPod('pod6', '10.1.0.6');
    node.know({ '10.1.0.6': identity });
    await node.eventuallyPasses('10.1.0.6');
  });

  it('are not at the way out of the node, nor at names that are not wanted', async () => {
    using beyond = new TestNetns('beyond');
    await node.start(attachMethod, { podInterfaces: 'pod*,up*' });
    node.netns.ip(`link add uplink0 type veth peer name eth0 netns ${beyond.name}`);
    node.netns.ip('addr add 172.31.0.11/16 dev uplink0');
    node.netns.ip('link set uplink0 up');
    node.addPod('other5', '10.1.0.5');
    node.addPod('pod6', '10.1.0.6');
    await eventually(() => expect(placesAt('pod6')).toEqual(['first', 'first']));
    await eventually(() => expect(placesAt('uplink0')).toEqual(['missing', 'missing']));
    expect(placesAt('other5')).toEqual(['missing', 'missing']);
  });

  it('know how large packets may be, also when the underlay changes, and say which interfaces take larger ones', async () => {
    node.addPod('pod5', '10.1.0.5', 1500);
    node.know({ '10.1.0.5': identity });
    await node.start(attachMethod);
    expect(tunnelMtu()).toBe(1450);
    expect(node.lastRound.problems).toEqual([expect.stringMatching(/^pod5: MTU 1500, .* up to 1450 bytes/)]);
    node.netns.ip('link set under0 mtu 1400');
    await eventually(() => expect(tunnelMtu()).toBe(1350));
    await eventually(() => expect(node.lastRound.problems).toEqual([expect.stringContaining('up to 1350 bytes')]));
    expect(placesAt('pod5')).toEqual(['first', 'first']);
    node.netns.ip('link set pod5 mtu 1350');
    await eventually(() => expect(node.lastRound.problems).toEqual([]));
    await node.eventuallyPasses('10.1.0.5');
  });

  function tunnelMtu(): number {
    return (JSON.parse(node.netns.ip('-j link show tunnel0')) as [{ mtu: number }])[0].mtu;
  }
});
