import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { attachDevice, detachDevice, hookPlace, inNetworkNamespace, loadObject, probeKernel } from '@clustermesh/ebpf';
import type { AttachMethod, HookPlace, LoadedObject, PinnedHook } from '@clustermesh/ebpf';
import { TestNetns } from '@clustermesh/testkit';
import { describeKernel, testBpffs, testObject } from './kernel.ts';

const methods: readonly AttachMethod[] = probeKernel().attachMethod === 'tcx' ? ['tcx', 'clsact'] : ['clsact'];

describeKernel('a program at a device', () => {
  let made: DisposableStack;
  let netns: TestNetns;
  let hook: PinnedHook;
  let links: string;

  beforeEach(() => {
    made = new DisposableStack();
    links = join(made.use(testBpffs()).path, 'links');
    netns = made.use(new TestNetns('hook'));
    netns.ip('link add d0 type veth peer name d1');
    hook = { ifindex: netns.device('d0').ifindex, direction: 'egress', pinPath: join(links, 'ours') };
  });

  afterEach(() => made.dispose());

  /** A process's own instance of a program, as each agent loads one. */
  function load(): LoadedObject {
    return made.use(loadObject({ path: testObject('cni'), pinDir: join(links, '..', 'maps') }));
  }

  function inside<T>(action: () => T): T {
    return inNetworkNamespace(netns.path, action);
  }

  function attach(method: AttachMethod, program = load().program('cni_policy'), at: PinnedHook = hook): void {
    inside(() => attachDevice({ ...at, method, program }));
  }

  function place(of: PinnedHook = hook): HookPlace {
    return inside(() => hookPlace(of));
  }

  function detach(of: PinnedHook = hook): void {
    inside(() => detachDevice(of));
  }

  function tc(...args: string[]): string {
    const [file = '', ...rest] = netns.command(['tc', ...args]);
    return execFileSync(file, rest, { encoding: 'utf8' });
  }

  /** As `tc` lists them, in the order in which they see packets. */
  function filters(direction = 'egress'): readonly string[] {
    return tc('filter', 'show', 'dev', 'd0', direction).match(/handle 0x[0-9a-f]+/g) ?? [];
  }

  /** Another's filter; the newest of a priority sees packets first. */
  function addForeignFilter(handle: string, priority = '1', protocol = 'all'): void {
    const program = ['bpf', 'direct-action', 'object-file', testObject('cni'), 'section', 'tc'];
    tc('filter', 'add', 'dev', 'd0', 'egress', 'prio', priority, 'protocol', protocol, 'handle', handle, ...program);
  }

  describe.each(methods)('by %s', (method) => {
    it('is replaced by that of a later process, and gone when it is detached, twice as well', () => {
      expect(place()).toBe('missing');
      attach(method);
      attach(method);
      expect([place(), filters().length]).toEqual(['first', method === 'clsact' ? 1 : 0]);
      detach();
      detach();
      expect([place(), existsSync(hook.pinPath), tc('qdisc', 'show', 'dev', 'd0', 'clsact')]).toEqual([
        'missing',
        false,
        '',
      ]);
    });

    it('stands at both directions, each by itself', () => {
      const incoming: PinnedHook = { ...hook, direction: 'ingress', pinPath: join(links, 'incoming') };
      attach(method);
      attach(method, load().program('cni_policy'), incoming);
      detach();
      expect([place(), place(incoming)]).toEqual(['missing', 'first']);
      detach(incoming);
      expect([place(incoming), tc('qdisc', 'show', 'dev', 'd0', 'clsact')]).toEqual(['missing', '']);
    });

    it('comes before another that was there first', () => {
      const other = { ...hook, pinPath: join(links, 'other') };
      if (method === 'tcx') attach('tcx', undefined, other);
      else {
        tc('qdisc', 'add', 'dev', 'd0', 'clsact');
        addForeignFilter('1');
      }
      attach(method);
      expect(place()).toBe('first');
      if (method === 'tcx') expect(place(other)).toBe('behind');
      else expect(filters()).toEqual(['handle 0x6d657368', 'handle 0x1']);
    });

    it('gets in front again where another came before it', () => {
      attach(method);
      const other = { ...hook, pinPath: join(links, 'other') };
      if (method === 'tcx') attach('tcx', undefined, other);
      else addForeignFilter('1');
      expect(place()).toBe('behind');
      attach(method);
      expect(place()).toBe('first');
      if (method === 'clsact') expect(filters()).toEqual(['handle 0x6d65736b', 'handle 0x1']);
    });

    it('says which device it cannot be attached to, and is detached from a device that is gone', () => {
      attach(method);
      netns.ip('link del d0');
      expect(() => attach(method)).toThrow(
        expect.objectContaining({ code: 'BPF_FAILED', message: expect.stringContaining(String(hook.ifindex)) }),
      );
      expect(place()).toBe('missing');
      detach();
      expect(existsSync(hook.pinPath)).toBe(false);
    });
  });

  it('leaves a clsact to those who use it: who made it, and who came later', () => {
    tc('qdisc', 'add', 'dev', 'd0', 'clsact');
    attach('clsact');
    detach();
    expect(tc('qdisc', 'show', 'dev', 'd0', 'clsact')).toContain('clsact');
    tc('qdisc', 'del', 'dev', 'd0', 'clsact');
    attach('clsact');
    addForeignFilter('1', '7');
    detach();
    expect(filters()).toEqual(['handle 0x1']);
  });

  it('says that the first priority is taken by a filter of another protocol', () => {
    tc('qdisc', 'add', 'dev', 'd0', 'clsact');
    addForeignFilter('1', '1', 'ip');
    expect(() => attach('clsact')).toThrow(
      expect.objectContaining({
        message: `attach a program to egress of device ${hook.ifindex}`,
        cause: expect.objectContaining({ message: expect.stringContaining('priority 1') }),
      }),
    );
  });

  if (methods.includes('tcx')) {
    it('changes from clsact to tcx and back, with one of them left', () => {
      attach('clsact');
      attach('tcx');
      expect([place(), filters()]).toEqual(['first', []]);
      attach('clsact');
      expect([place(), filters()]).toEqual(['first', ['handle 0x6d65736a']]);
    });
  }
});
