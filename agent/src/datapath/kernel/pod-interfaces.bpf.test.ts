import { execFileSync } from 'node:child_process';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { probeKernel } from '@clustermesh/ebpf';
import { TestNetns } from '@clustermesh/testkit';

// A process for each question, on a busy machine.
jest.setTimeout(60_000);

const { usable } = probeKernel();
const describeKernel = usable ? describe : describe.skip;

interface Found {
  readonly name: string;
  readonly mac: string;
}

/** Pods as CNIs make them; no packet was ever sent, so that the node knows no neighbour. */
describeKernel('the interface of a pod', () => {
  let made: DisposableStack;
  let node: TestNetns;

  beforeEach(() => {
    made = new DisposableStack();
    node = made.use(new TestNetns('node'));
  });

  afterEach(() => made.dispose());

  /** A pod's namespace whose `eth0` is the other end of `link`. */
  function pod(link: string, addresses: readonly string[]): { readonly netns: TestNetns; readonly found: Found } {
    const netns = made.use(new TestNetns(`pod-${link}`));
    node.ip(`link add ${link} type veth peer name eth0 netns ${netns.name}`);
    node.ip(`link set ${link} up`);
    for (const address of addresses) netns.ip(`addr add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`);
    netns.ip('link set eth0 up');
    return { netns, found: { name: link, mac: netns.device('eth0').mac.replaceAll(':', '') } };
  }

  function interfacesOf(...addresses: readonly string[]): Record<string, Found | null> {
    const script = fileURLToPath(new URL('testing/pod-interfaces-of.ts', import.meta.url));
    const options = ['--conditions=mesh-source', '--disable-warning=ExperimentalWarning'];
    const [file = '', ...args] = node.command([execPath, ...options, script, ...addresses]);
    return JSON.parse(execFileSync(file, args, { encoding: 'utf8' })) as Record<string, Found | null>;
  }

  it('is the one that a route of its own leads to, of each family', () => {
    const { found } = pod('cali5', ['10.1.0.5/32', 'fd00:10:1::5/128']);
    node.ip('route add 10.1.0.5 dev cali5 scope link');
    node.ip('-6 route add fd00:10:1::5/128 dev cali5');
    expect(interfacesOf('10.1.0.5', 'fd00:10:1::5', '10.1.0.6')).toEqual({
      '10.1.0.5': found,
      'fd00:10:1::5': found,
      '10.1.0.6': null,
    });
  });

  it('is that of a point-to-point link, whose near end has the gateway’s address', () => {
    const { found } = pod('veth5', ['10.1.0.5/24']);
    node.ip('addr add 10.1.0.1/32 dev veth5');
    node.ip('route add 10.1.0.5 dev veth5');
    expect(interfacesOf('10.1.0.5')).toEqual({ '10.1.0.5': found });
  });

  it('is the port of a bridge behind which it sits, with one or several addresses', () => {
    node.ip('link add cni0 type bridge');
    node.ip('addr add 10.1.0.1/24 dev cni0');
    node.ip('link set cni0 up');
    const first = pod('veth5', ['10.1.0.5/24', 'fd00:10:1::5/64']);
    const second = pod('veth6', ['10.1.0.6/24', '10.1.0.7/24']);
    for (const { found } of [first, second]) node.ip(`link set ${found.name} master cni0`);
    expect(interfacesOf('10.1.0.5', 'fd00:10:1::5', '10.1.0.6', '10.1.0.7')).toEqual({
      '10.1.0.5': first.found,
      'fd00:10:1::5': first.found,
      '10.1.0.6': second.found,
      '10.1.0.7': second.found,
    });
  });

  it('is nobody’s when another pod behind the bridge took the address as well', () => {
    const victim = pod('veth5', ['10.1.0.5/24']);
    pod('veth6', ['10.1.0.6/24', '10.1.0.5/24']);
    expect(interfacesOf('10.1.0.5')).toEqual({ '10.1.0.5': null });
    node.ip('route add 10.1.0.5 dev veth5');
    expect(interfacesOf('10.1.0.5')).toEqual({ '10.1.0.5': victim.found });
  });

  it('is none for an address of the node itself, as pods of its network have it', () => {
    node.ip('addr add 172.30.0.11/32 dev lo');
    pod('veth5', ['10.1.0.5/24']);
    expect(interfacesOf('172.30.0.11')).toEqual({ '172.30.0.11': null });
  });
});
