import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loadObject, testRun, type LoadedObject } from '@clustermesh/ebpf';
import { describeKernel, smallMaps, testBpffs, testObject } from './kernel.ts';
import { affinityKey, backend, service, serviceKey, slot, u32, type BackendRow, type Frontend } from './records.ts';

/** enum service_verdict. */
const verdict = { none: 0, selected: 1, noBackend: 2, stale: 3 } as const;

interface Client {
  readonly netnsCookie?: bigint;
  /** Default: random. */
  readonly draw?: number;
  readonly isHost?: boolean;
}

const vip = { ip: '10.101.0.1', port: 80 };
const svcId = 7;

describeKernel('choosing a backend', () => {
  const made = new DisposableStack();
  let loaded: LoadedObject;

  beforeAll(() => {
    const bpffs = made.use(testBpffs());
    loaded = made.use(
      loadObject({ path: testObject('service_select'), pinDir: `${bpffs.path}/maps`, maxEntries: smallMaps }),
    );
  });

  afterAll(() => made.dispose());

  /** A service with slots 16… to backends 1…, of which `count` may be chosen. */
  beforeEach(() => writeService(3, 3));

  function writeService(total: number, count: number): void {
    loaded.map('svc').update(serviceKey(vip), service(svcId, 16, count));
    for (let i = 0; i < total; i++) {
      loaded.map('slot').update(u32(16 + i), slot(1 + i, svcId));
      writeBackend(1 + i, {});
    }
  }

  function writeBackend(id: number, change: Partial<BackendRow>): void {
    loaded.map('backend').update(u32(id), backend({ ip: `10.1.0.${id}`, port: 8000 + id, svcId, ...change }));
  }

  function run(program: string, frontend: Frontend = vip, client: Client = {}): { verdict: number; to: string } {
    const data = new Uint8Array(128);
    data.set(serviceKey(frontend), 14);
    new DataView(data.buffer).setBigUint64(38, client.netnsCookie ?? 0n, true);
    data.set(u32(client.draw ?? Math.floor(Math.random() * 2 ** 32)), 46);
    data.set(u32(client.isHost === true ? 1 : 0), 50);
    const result = testRun({ program: loaded.program(program), data });
    const to = result.data.subarray(54, 86);
    const port = new DataView(to.buffer, to.byteOffset).getUint16(16, false);
    return { verdict: result.verdict, to: `${to.subarray(12, 16).join('.')}:${port}` };
  }

  it('finds the backend of the drawn slot', () => {
    const drawn = [0, 1, 2, 3, 4].map((draw) => run('test_service_try', vip, { draw }).to);
    expect(drawn).toEqual(['10.1.0.1:8001', '10.1.0.2:8002', '10.1.0.3:8003', '10.1.0.1:8001', '10.1.0.2:8002']);
  });

  it('draws from all slots that may be chosen, and from no other', () => {
    writeService(3, 2);
    const chosen = new Set(Array.from({ length: 200 }, () => run('test_service_select').to));
    expect([...chosen].sort()).toEqual(['10.1.0.1:8001', '10.1.0.2:8002']);
  });

  it.each([
    { name: 'address', frontend: { ...vip, ip: '10.101.0.2' } },
    { name: 'port', frontend: { ...vip, port: 81 } },
    { name: 'protocol', frontend: { ...vip, proto: 17 } },
  ])('knows a frontend by its $name', ({ frontend }) => {
    expect(run('test_service_select', frontend).verdict).toBe(verdict.none);
  });

  it('says when a service has nobody behind it', () => {
    writeService(3, 0);
    expect(run('test_service_select').verdict).toBe(verdict.noBackend);
  });

  it.each([
    { name: 'a slot of another service', spoil: () => loaded.map('slot').update(u32(16), slot(1, svcId + 1)) },
    { name: 'a slot without a backend record', spoil: () => loaded.map('slot').update(u32(16), slot(9999, svcId)) },
    { name: 'a backend of another service', spoil: () => writeBackend(1, { svcId: svcId + 1 }) },
    { name: 'a free backend', spoil: () => writeBackend(1, { state: 0 }) },
    { name: 'a terminating backend', spoil: () => writeBackend(1, { state: 2 }) },
    { name: 'a quarantined backend', spoil: () => writeBackend(1, { state: 3 }) },
    {
      name: 'an extent beyond the last slot',
      spoil: () => loaded.map('svc').update(serviceKey(vip), service(svcId, smallMaps.slot, 1)),
    },
  ])('never connects to $name', ({ spoil }) => {
    writeService(1, 1);
    spoil();
    expect(run('test_service_try').verdict).toBe(verdict.stale);
    expect(run('test_service_select')).toEqual({ verdict: verdict.stale, to: '0.0.0.0:0' });
  });

  it.each([
    { name: 'those of its own cluster', count: 1, home: [1, 2], want: ['10.1.0.2:8002', '10.1.0.3:8003'] },
    {
      name: 'all that may be chosen when none is of its cluster',
      count: 2,
      home: [0, 0],
      want: ['10.1.0.1:8001', '10.1.0.2:8002'],
    },
  ] as const)('gives a host process $name', ({ count, home, want }) => {
    loaded.map('svc').update(serviceKey(vip), service(svcId, 16, count, { home }));
    const drawn = (isHost: boolean): string[] =>
      [0, 1].map((draw) => run('test_service_select', vip, { draw, isHost }).to);
    expect([...drawn(true)].sort()).toEqual(want);
    expect(new Set(drawn(false))).toEqual(new Set(['10.1.0.1:8001', '10.1.0.2:8002'].slice(0, count)));
  });

  it('goes on to the next slot when one has changed hands', () => {
    loaded.map('slot').update(u32(16), slot(1, svcId + 1));
    const drawn = [0, 1, 2].map((draw) => run('test_service_select', vip, { draw }).to);
    expect(drawn).toEqual(['10.1.0.2:8002', '10.1.0.2:8002', '10.1.0.3:8003']);
  });

  describe('with affinity', () => {
    const seconds = 10_800;
    const client = { netnsCookie: 4114n };
    const key = affinityKey(client.netnsCookie, svcId);

    beforeEach(() => {
      loaded.map('svc').update(serviceKey(vip), service(svcId, 16, 3, { affinityTimeoutS: seconds }));
      loaded.map('aff').delete(key);
    });

    function choose(draw: number, netnsCookie = client.netnsCookie): string {
      return run('test_service_select', vip, { netnsCookie, draw }).to;
    }

    it('keeps the first choice of a client', () => {
      expect([1, 2, 0, 1].map((draw) => choose(draw))).toEqual(Array(4).fill('10.1.0.2:8002'));
    });

    it('is of one client and one service', () => {
      expect([choose(1), choose(2, 4115n), choose(0)]).toEqual(['10.1.0.2:8002', '10.1.0.3:8003', '10.1.0.2:8002']);
      const other = { ...vip, port: 81 };
      loaded.map('svc').update(serviceKey(other), service(svcId + 1, 32, 1, { affinityTimeoutS: seconds }));
      loaded.map('slot').update(u32(32), slot(9, svcId + 1));
      loaded.map('backend').update(u32(9), backend({ ip: '10.1.0.9', port: 8009, svcId: svcId + 1 }));
      expect(run('test_service_select', other, client).to).toBe('10.1.0.9:8009');
    });

    it('stays with a backend that is no longer preferred', () => {
      choose(2);
      loaded.map('svc').update(serviceKey(vip), service(svcId, 16, 1, { affinityTimeoutS: seconds }));
      expect(choose(0)).toBe('10.1.0.3:8003');
    });

    it.each([
      { name: 'terminating', spoil: () => writeBackend(2, { state: 2 }) },
      { name: 'quarantined', spoil: () => writeBackend(2, { state: 3 }) },
      { name: 'free', spoil: () => writeBackend(2, { state: 0 }) },
      { name: 'one of another service', spoil: () => writeBackend(2, { svcId: svcId + 1 }) },
      { name: 'another one at the same place', spoil: () => writeBackend(2, { generation: 1 }) },
    ])('chooses anew, and keeps that, when the backend is $name', ({ spoil }) => {
      choose(1);
      spoil();
      expect([choose(2), choose(0)]).toEqual(Array(2).fill('10.1.0.3:8003'));
    });

    it.each([
      { name: 'is over', idleSeconds: seconds + 1, want: '10.1.0.1:8001' },
      { name: 'is almost over', idleSeconds: seconds - 60, want: '10.1.0.2:8002' },
      { name: 'was begun anew by another CPU in this moment', idleSeconds: -60, want: '10.1.0.2:8002' },
    ])('when the time-out $name, the choice is $want', ({ idleSeconds, want }) => {
      choose(1);
      usedBefore(idleSeconds);
      expect(choose(0)).toBe(want);
    });

    it('begins the time-out anew with each use', () => {
      choose(1);
      for (let use = 0; use < 3; use++) {
        usedBefore(seconds - 60);
        expect(choose(0)).toBe('10.1.0.2:8002');
      }
    });

    /** Makes the entry older. */
    function usedBefore(idleSeconds: number): void {
      const entry = loaded.map('aff').lookup(key) ?? new Uint8Array(16);
      const view = new DataView(entry.buffer, entry.byteOffset);
      view.setBigUint64(0, BigInt.asUintN(64, view.getBigUint64(0, true) - BigInt(idleSeconds) * 1_000_000_000n), true);
      loaded.map('aff').update(key, entry);
    }

    it('refuses when nobody may be chosen', () => {
      choose(1);
      loaded.map('svc').update(serviceKey(vip), service(svcId, 16, 0, { affinityTimeoutS: seconds }));
      expect(run('test_service_select', vip, client).verdict).toBe(verdict.noBackend);
    });
  });
});
