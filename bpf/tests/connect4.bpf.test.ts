import { mkdirSync, rmdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { attachCgroup, loadObject, type Link, type LoadedObject } from '@clustermesh/ebpf';
import { objectPath } from '@clustermesh/bpf';
import { insideCgroup, testCgroup } from './cgroup.ts';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel, smallMaps, testBpffs } from './kernel.ts';
import { backend, service, serviceKey, slot, u32 } from './records.ts';
import { answersOf, clientCommand, testServer } from './tcp.ts';

// Client processes on a busy machine.
jest.setTimeout(60_000);

/** Nobody listens there: an untranslated connection is refused, and counted nowhere. */
const vip = { ip: '127.240.0.1', port: 1 };
const svcId = 7;

describeKernel('connect() to a service', () => {
  let made: DisposableStack;
  let bpffs: string;
  let cgroup: string;
  let loaded: LoadedObject;

  beforeEach(() => {
    made = new DisposableStack();
    cgroup = made.use(testCgroup()).path;
    bpffs = made.use(testBpffs()).path;
    loaded = made.use(load());
    attach(loaded);
  });

  afterEach(() => made.dispose());

  function load(): LoadedObject {
    return loadObject({ path: objectPath('mesh_sock'), pinDir: `${bpffs}/maps`, maxEntries: smallMaps });
  }

  function attach(object: LoadedObject): Link {
    const program = object.program('mesh_connect4');
    const pinPath = `${bpffs}/links/connect4`;
    return attachCgroup({ program, cgroupPath: cgroup, attachType: 'connect4', pinPath });
  }

  /** A service whose slot i leads to 127.0.0.1:ports[i]. */
  function writeService(ports: readonly number[]): void {
    ports.forEach((port, i) => {
      loaded.map('backend').update(u32(1 + i), backend({ ip: '127.0.0.1', port, svcId }));
      loaded.map('slot').update(u32(i), slot(1 + i, svcId));
    });
    loaded.map('svc').update(serviceKey(vip), service(svcId, 0, ports.length));
  }

  function connect(count: number): Promise<string[]> {
    return answersOf(insideCgroup(cgroup, clientCommand(vip.ip, vip.port, count)));
  }

  it('reaches all of its backends', async () => {
    await using east = await testServer('east');
    await using west = await testServer('west');
    writeService([east.port, west.port]);
    const answers = await connect(60);
    expect(new Set(answers)).toEqual(new Set(['east', 'west']));
    expect(countOf(loaded.map('metrics'), reason.forwarded, direction.socket)).toBe(60);
  });

  it('is refused at once when nobody is behind it', async () => {
    writeService([]);
    expect(await connect(1)).toEqual(['ECONNREFUSED']);
    expect(countOf(loaded.map('metrics'), reason.noBackend, direction.socket)).toBe(1);
  });

  it('is refused when the backends of its slots are gone', async () => {
    writeService([1]);
    loaded.map('backend').update(u32(1), new Uint8Array(32));
    expect(await connect(1)).toEqual(['ECONNREFUSED']);
    expect(countOf(loaded.map('metrics'), reason.staleService, direction.socket)).toBe(1);
  });

  it('is not touched when the address is no service', async () => {
    await using server = await testServer('plain');
    const client = clientCommand('127.0.0.1', server.port, 1);
    expect(await answersOf(insideCgroup(cgroup, client))).toEqual(['plain']);
  });

  it('is not touched outside the cgroup', async () => {
    await using server = await testServer('east');
    writeService([server.port]);
    expect(await answersOf(clientCommand(vip.ip, vip.port, 1))).not.toContain('east');
  });

  it('never fails while the program is loaded again and the service changes', async () => {
    await using east = await testServer('east');
    await using west = await testServer('west');
    writeService([east.port, west.port]);
    const client = connect(3000);
    const running = { done: false };
    void client.finally(() => (running.done = true));
    let reloads = 0;
    for (; !running.done; reloads++) {
      attach(loaded);
      const again = load();
      attach(again);
      again.close();
      flip(reloads);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const answers = await client;
    expect(reloads).toBeGreaterThan(2);
    expect(answers.filter((answer) => answer !== 'east' && answer !== 'west')).toEqual([]);
  });

  /** The service moves to another extent: its slots first, then the one update that counts. */
  function flip(round: number): void {
    const base = 2 + 2 * (round % 8);
    loaded.map('slot').update(u32(base), slot(1, svcId));
    loaded.map('slot').update(u32(base + 1), slot(2, svcId));
    loaded.map('svc').update(serviceKey(vip), service(svcId, base, 2));
  }

  it('keeps working when the agent is gone, until the link is detached', async () => {
    await using server = await testServer('east');
    writeService([server.port]);
    attach(loaded);
    const link = attach(loaded);
    loaded.close();
    expect(await connect(1)).toEqual(['east']);
    link.detach();
    link.detach();
    expect(await connect(1)).not.toContain('east');
  });

  it('works in a cgroup that was removed and made again', async () => {
    await using server = await testServer('east');
    writeService([server.port]);
    rmdirSync(cgroup);
    mkdirSync(cgroup);
    attach(loaded);
    expect(await connect(1)).toEqual(['east']);
  });
});
