import { describe, expect, it } from '@jest/globals';

import { podLinkIn } from './link-events.ts';
import { nameRule } from './pod-like.ts';

const details = '\\    link/ether 76:ab:50:69:19:37 brd ff:ff:ff:ff:ff:ff';
const veth = `3: v2@if3: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default ${details} link-netns pod-1 promiscuity 0 \\    veth numtxqueues 2 `;

describe('podLinkIn', () => {
  it.each([
    { name: 'of a veth into a namespace with a name', line: veth, want: 3 },
    { name: 'into one without', line: veth.replace('link-netns pod-1', 'link-netnsid 4'), want: 3 },
    { name: 'of a name that is wanted', line: veth, patterns: 'v*', want: 3 },
    { name: 'of another name', line: veth, patterns: 'cali*', want: undefined },
    { name: 'of a port of Docker', line: veth.replace('qdisc', 'master docker0 qdisc'), want: undefined },
    { name: 'of a veth whose other end is here', line: veth.replace('link-netns pod-1 ', ''), want: undefined },
    { name: 'of another device', line: veth.replace('veth num', 'bridge num'), want: undefined },
    { name: 'of one that is gone', line: `Deleted ${veth}`, want: undefined },
    { name: 'of a route', line: 'unicast 10.9.9.10 dev v2 table main proto boot scope link', want: undefined },
  ])('knows an interface $name', ({ line, patterns = '', want }) => {
    expect(podLinkIn(line, nameRule(patterns))).toBe(want);
  });
});
