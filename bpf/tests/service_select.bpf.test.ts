import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { loadObject, testRun, type LoadedObject } from '@clustermesh/ebpf';
import { describeKernel, smallMaps, testBpffs, testObject } from './kernel.ts';
import { backend, service, serviceKey, slot, u32, type BackendRow, type Frontend } from './records.ts';

/** enum service_verdict. */
const verdict = { none: 0, selected: 1, noBackend: 2, stale: 3 } as const;

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

  function run(program: string, frontend: Frontend = vip, random = 0): { verdict: number; to: string } {
    const data = new Uint8Array(64);
    data.set(serviceKey(frontend), 14);
    data.set(u32(random), 38);
    const result = testRun({ program: loaded.program(program), data });
    const to = result.data.subarray(42, 60);
    const port = new DataView(to.buffer, to.byteOffset).getUint16(16, false);
    return { verdict: result.verdict, to: `${to.subarray(12, 16).join('.')}:${port}` };
  }

  it('finds the backend of the drawn slot', () => {
    const drawn = [0, 1, 2, 3, 4].map((random) => run('test_service_try', vip, random).to);
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

  it('looks the service up again when a slot has changed hands', () => {
    loaded.map('slot').update(u32(16), slot(1, svcId + 1));
    const verdicts = Array.from({ length: 300 }, () => run('test_service_select'));
    const selected = verdicts.filter((one) => one.verdict === verdict.selected);
    // Four draws miss the two good slots of three with (1/3)^4, about 1 in 81.
    expect(selected.length).toBeGreaterThan(240);
    expect(new Set(selected.map((one) => one.to))).toEqual(new Set(['10.1.0.2:8002', '10.1.0.3:8003']));
  });
});
