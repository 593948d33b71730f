import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { KernelMap, loadObject, mapFlag, preparePinDirectory } from '@clustermesh/ebpf';
import { objectPath } from '@clustermesh/bpf';
import { describeKernel, smallMaps, testBpffs, testObject } from './kernel.ts';
import { service, serviceKey, slot, u32 } from './records.ts';

describeKernel('loading objects', () => {
  const frontend = { ip: '10.101.0.1', port: 80 };

  it('pins every map by name, once for all objects of a directory', () => {
    using bpffs = testBpffs();
    const pinDir = join(bpffs.path, 'node', 'maps');
    using sock = loadObject({ path: objectPath('mesh_sock'), pinDir, maxEntries: smallMaps });
    using container = loadObject({ path: objectPath('mesh_container'), pinDir, maxEntries: smallMaps });
    using overlay = loadObject({ path: objectPath('mesh_overlay'), pinDir, maxEntries: smallMaps });

    expect(readdirSync(pinDir).sort()).toEqual([
      ...['aff', 'backend', 'ct', 'ep_if', 'ep_ip', 'event_budget', 'events', 'frag', 'ipc_cidr', 'ipc_host'],
      ...['meta', 'metrics', 'node', 'node_ip', 'policy', 'policy_len', 'probe', 'rev_sk', 'rev_udp', 'slot', 'svc'],
    ]);
    expect(sock.map('svc').maxEntries).toBe(smallMaps.svc);
    container.map('node').update(u32(3), new Uint8Array(32).fill(9));
    expect(overlay.map('node').lookup(u32(3))).toEqual(new Uint8Array(32).fill(9));
  });

  it('keeps what the maps hold across a restart', () => {
    using bpffs = testBpffs();
    const options = { path: objectPath('mesh_sock'), pinDir: join(bpffs.path, 'maps'), maxEntries: smallMaps };
    const before = loadObject(options);
    before.map('svc').update(serviceKey(frontend), service(7, 16, 2));
    before.mappedArray('slot').bytes.set(slot(5, 7), 16 * 8);
    before.close();
    before.close();

    using after = loadObject(options);
    expect(after.map('svc').lookup(serviceKey(frontend))).toEqual(service(7, 16, 2));
    expect(after.map('slot').lookup(u32(16))).toEqual(slot(5, 7));
  });

  it('opens a pinned map without the object', () => {
    using bpffs = testBpffs();
    const pinDir = join(bpffs.path, 'maps');
    using loaded = loadObject({ path: objectPath('mesh_sock'), pinDir, maxEntries: smallMaps });
    loaded.map('svc').update(serviceKey(frontend), service(7, 16, 2));
    const pinned = KernelMap.openPinned('svc', join(pinDir, 'svc'));
    expect(pinned.lookup(serviceKey(frontend))).toEqual(service(7, 16, 2));
    pinned.close();
  });

  it.each([
    { name: 'size', maxEntries: { svc: 128 }, want: /reuse map svc .*maxEntries is 64, wanted is 128/ },
    { name: 'flags', maxEntries: {}, want: /reuse map svc .*flags is 0, wanted is 1/, flags: 0 },
    { name: 'value', maxEntries: {}, want: /reuse map svc .*valueSize is 16, wanted is 24/, valueSize: 16 },
  ])('names the map and the field when a pinned map differs in $name', (difference) => {
    using bpffs = testBpffs();
    const pinDir = join(bpffs.path, 'maps');
    pinService(pinDir, difference);
    const maxEntries = { ...smallMaps, ...difference.maxEntries };
    const load = (): unknown => loadObject({ path: objectPath('mesh_sock'), pinDir, maxEntries });
    expect(load).toThrow(
      expect.objectContaining({ code: 'BPF_LOAD_FAILED', message: expect.stringMatching(difference.want) }),
    );
  });

  it('sets settings before the program is verified', () => {
    using bpffs = testBpffs();
    const rodata = { local_cluster_id: 3, vxlan_ifindex: 9, local_underlay: new Uint8Array(16) };
    const pinDir = join(bpffs.path, 'maps');
    using loaded = loadObject({ path: objectPath('mesh_container'), pinDir, maxEntries: smallMaps, rodata });
    const section = loaded.map('.rodata').lookup(u32(0)) ?? new Uint8Array();
    expect([...new Uint32Array(section.buffer, 0, section.length >> 2)]).toEqual(expect.arrayContaining([3, 9]));
  });

  it.each([
    { name: 'a setting that the object lacks', rodata: { no_such: 1 }, want: 'find setting no_such' },
    { name: 'a setting of another size', rodata: { local_underlay: new Uint8Array(4) }, want: 'set local_underlay' },
  ])('refuses $name', ({ rodata, want }) => {
    using bpffs = testBpffs();
    const load = (): unknown =>
      loadObject({ path: objectPath('mesh_container'), pinDir: join(bpffs.path, 'maps'), rodata });
    expect(load).toThrow(expect.objectContaining({ code: 'BPF_LOAD_FAILED', message: expect.stringContaining(want) }));
  });

  it('says with the verifier why a program is refused', () => {
    using bpffs = testBpffs();
    const pinDir = join(bpffs.path, 'maps');
    const load = (): unknown => loadObject({ path: testObject('rejected'), pinDir, maxEntries: smallMaps });
    expect(load).toThrow(
      expect.objectContaining({
        code: 'BPF_LOAD_FAILED',
        message: expect.stringMatching(/^load program test_rejected of .*rejected\.o$/),
        cause: expect.objectContaining({
          message: expect.stringMatching(
            /^EACCES.*does not take this program: please report it.*invalid mem access 'map_value_or_null'/s,
          ),
        }),
      }),
    );
  });

  it('names the map that the kernel cannot make', () => {
    using bpffs = testBpffs();
    const pinDir = join(bpffs.path, 'maps');
    const load = (): unknown =>
      loadObject({ path: objectPath('mesh_sock'), pinDir, maxEntries: { ...smallMaps, backend: 0xffff_fff0 } });
    expect(load).toThrow(
      expect.objectContaining({
        code: 'BPF_LOAD_FAILED',
        message: expect.stringMatching(/^load map backend \(array of 4294967280 entries\) of .*mesh_sock\.o$/),
        cause: expect.objectContaining({ message: expect.stringContaining('make them smaller') }),
      }),
    );
  });

  it('says that a bpffs is read-only', () => {
    using bpffs = testBpffs();
    execFileSync('mount', ['-o', 'remount,ro', bpffs.path]);
    const load = (): unknown => loadObject({ path: objectPath('mesh_sock'), pinDir: join(bpffs.path, 'maps') });
    expect(load).toThrow(
      expect.objectContaining({
        code: 'BPF_FAILED',
        message: expect.stringContaining('is that bpffs mounted writable?'),
      }),
    );
  });

  it('refuses a program and a map that the object lacks, a missing file, and a directory off bpffs', () => {
    using bpffs = testBpffs();
    const options = { path: objectPath('mesh_sock'), pinDir: join(bpffs.path, 'maps'), maxEntries: smallMaps };
    using loaded = loadObject(options);
    expect(() => loaded.program('no_such')).toThrow('find program no_such');
    expect(() => loaded.map('no_such')).toThrow('find map no_such');
    expect(() => loadObject({ ...options, path: '/nowhere.o' })).toThrow('load /nowhere.o');
    expect(() => loadObject({ ...options, pinDir: '/tmp' })).toThrow('it is not on a bpffs');
    expect(() => loadObject({ ...options, pinDir: join(bpffs.path, 'a.b') })).toThrow('bpffs refuses names with a dot');
  });
});

/** Pins a map `svc` that is not quite the object's: 64 entries, and what `definition` says. */
function pinService(pinDir: string, definition: { flags?: number; valueSize?: number }): void {
  const flags = definition.flags ?? mapFlag.noPrealloc;
  const valueSize = definition.valueSize ?? 24;
  const map = KernelMap.create('svc', { type: 'hash', keySize: 24, valueSize, maxEntries: smallMaps.svc, flags });
  map.pin(join(preparePinDirectory(pinDir), 'svc'));
  map.close();
}
