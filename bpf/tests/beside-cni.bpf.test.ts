import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { probeKernel } from '@clustermesh/ebpf';
import type { AttachMethod } from '@clustermesh/ebpf';
import { connectNetns } from '@clustermesh/testkit';
import { describeKernel, testBpffs } from './kernel.ts';
import { MeshNode } from './mesh-node.ts';
import { passing } from './tcp.ts';

// Namespaces and processes on a busy machine.
jest.setTimeout(60_000);

/** How ours are attached, and how the CNI's are. */
const methods: readonly (readonly [AttachMethod, AttachMethod])[] =
  probeKernel().attachMethod === 'tcx'
    ? [
        ['tcx', 'tcx'],
        ['tcx', 'clsact'],
        ['clsact', 'clsact'],
      ]
    : [['clsact', 'clsact']];
/** The stand-in CNI refuses it, ours let it through. */
const cniRefuses = 81;
/** The other way round. */
const meshRefuses = 82;
const nobodyRefuses = 8080;
const policyScopeMesh = 1;

describeKernel('beside a CNI with policy of its own at the same hook', () => {
  describe.each(methods)('ours by %s, the CNI’s by %s', (method, cniMethod) => {
    const made = new DisposableStack();
    let east: MeshNode;
    let west: MeshNode;

    beforeAll(() => {
      const bpffs = made.use(testBpffs()).path;
      const node = (name: string, clusterId: number): MeshNode =>
        made.use(
          new MeshNode({
            bpffs,
            name: `cni-${name}`,
            clusterId,
            underlay: `172.30.${clusterId}.11`,
            podIp: `10.${clusterId}.0.2`,
            podIdentity: clusterId * 65_536 + 4,
          }),
        );
      east = node('east', 1);
      west = node('west', 2);
      connectNetns(east.netns, west.netns, 'under0', ['172.30.1.11/16', '172.30.2.11/16']);
      for (const each of [east, west]) {
        each.attachCni(cniMethod);
        attachOurs(each);
        refuse(each, meshRefuses);
      }
      east.learn(west, 1);
      west.learn(east, 1);
    });

    afterAll(() => made.dispose());

    function attachOurs(node: MeshNode): void {
      node.attach({ method, policyScope: policyScopeMesh });
    }

    /** Between pods of two clusters ours rule, between a pod and its own node the CNI. */
    async function expectBothRule(): Promise<void> {
      const verdicts = await Promise.all([
        verdictsOf(east.pod, west.options.podIp),
        verdictsOf(west.pod, east.options.podIp),
        verdictsOf(east.pod, east.options.underlay),
        verdictsOf(east.netns, east.options.podIp),
      ]);
      const mesh = { [cniRefuses]: true, [meshRefuses]: false, [nobodyRefuses]: true };
      const cni = { [cniRefuses]: false, [meshRefuses]: true, [nobodyRefuses]: true };
      expect(verdicts).toEqual([mesh, mesh, cni, cni]);
    }

    it('verdicts are the CNI’s on local traffic and ours on what crosses clusters', async () => {
      await expectBothRule();
    });

    it('so they are after ours restarted', async () => {
      for (const node of [east, west]) attachOurs(node);
      await expectBothRule();
    });

    it('so they are after the CNI restarted and put itself in front, once ours have looked', async () => {
      for (const node of [east, west]) {
        node.attachCni(cniMethod);
        attachOurs(node);
      }
      await expectBothRule();
    });
  });
});

/** By port: does a connection pass? */
async function verdictsOf(
  from: { command(command: readonly string[]): string[] },
  host: string,
): Promise<Record<number, boolean>> {
  const ports = [cniRefuses, meshRefuses, nobodyRefuses];
  const passes = await passing(
    from,
    ports.map((port) => `${host}:${port}`),
  );
  return Object.fromEntries(ports.map((port) => [port, passes[`${host}:${port}`] ?? false]));
}

/** The pod of this node may speak with anybody, in both directions, but for one TCP port. */
function refuse(node: MeshNode, port: number): void {
  const subject = node.options.podIdentity;
  for (const direction of [1, 2]) {
    node.map('policy').update(policyKey(subject, direction), verdict(false));
    node.map('policy').update(policyKey(subject, direction, { protocol: 6, port }), verdict(true));
    const lengths = new DataView(new ArrayBuffer(4));
    lengths.setUint32(0, 1 | (1 << 24), true);
    node.map('policy_len').update(policyKey(subject, direction).subarray(0, 12), new Uint8Array(lengths.buffer));
  }
}

/** subject@0, remote@4 (0: anybody), direction@8, length@9, protocol@10, be16 port@12. */
function policyKey(
  subject: number,
  direction: number,
  to?: { readonly protocol: number; readonly port: number },
): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, subject, true);
  view.setUint8(8, direction);
  if (to === undefined) return new Uint8Array(view.buffer);
  view.setUint8(9, 24);
  view.setUint8(10, to.protocol);
  view.setUint16(12, to.port);
  return new Uint8Array(view.buffer);
}

function verdict(isDenied: boolean): Uint8Array {
  return Uint8Array.of(isDenied ? 1 : 0, ...new Uint8Array(23));
}
