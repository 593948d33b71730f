import { afterEach, describe, expect, it } from '@jest/globals';

import { FakeClock, Health, MeshError, silentLogger } from '@clustermesh/runtime';
import type { ClusterName } from '@clustermesh/wire';

import { ClusterUsers } from './cluster-users.ts';

let stop = new AbortController();
afterEach(() => stop.abort());

function line(...peers: readonly string[]): string {
  return JSON.stringify({ users: peers.map((peer) => ({ name: `remote-${peer}`, role: 'remote' })) });
}

function setUp(text: string) {
  stop = new AbortController();
  const clock = new FakeClock();
  const file = { text, isReadable: true };
  const users = new Map<string, string[]>([['remote', ['remote']]]);
  const calls: string[] = [];
  const auth = {
    users: async () => [...users.keys()],
    addUser: async (name: string) => {
      calls.push(`add ${name}`);
      if (!users.has(name)) users.set(name, []);
    },
    grantRole: async (name: string, role: string) => void users.get(name)?.push(role),
    deleteUser: async (name: string) => {
      calls.push(`delete ${name}`);
      users.delete(name);
    },
  };
  const read = async (): Promise<string> => {
    if (!file.isReadable) throw new MeshError('FILE_UNREADABLE', 'read the users file');
    return file.text;
  };
  const health = new Health(clock);
  const deps = { cluster: 'east' as ClusterName, auth, read, clock, health, log: silentLogger };
  void new ClusterUsers(deps).run(stop.signal);
  const state = (): string | undefined => health.report().find(({ name }) => name === 'cluster-users')?.state;
  return { calls, clock, file, state, users };
}

describe('ClusterUsers', () => {
  it('admits whom the file names, follows it, and calls for nothing when nothing changed', async () => {
    const { calls, clock, file, users } = setUp(line('west'));
    await clock.advance(0);
    expect(users.get('remote-west')).toEqual(['remote']);
    await clock.advance(60_000);
    expect(calls).toEqual(['add remote-west']);
    file.text = line('north');
    await clock.advance(5_000);
    expect([...users.keys()]).toEqual(['remote', 'remote-north']);
  });

  it('leaves users alone that it never saw in the file', async () => {
    const { clock, file, users } = setUp(line('west'));
    users.set('remote-old', ['remote']);
    await clock.advance(0);
    file.text = line();
    await clock.advance(5_000);
    expect([...users.keys()]).toEqual(['remote', 'remote-old']);
  });

  it('takes nobody away for a file that is away or wrong, and says so (I4)', async () => {
    const { clock, file, state, users } = setUp(line('west'));
    await clock.advance(0);
    file.isReadable = false;
    await clock.advance(5_000);
    expect(state()).toBe('degraded');
    file.isReadable = true;
    file.text = 'users: [{name: root, role: remote}]';
    await clock.advance(5_000);
    expect(state()).toBe('degraded');
    expect(users.has('remote-west')).toBe(true);
    file.text = line('west', 'north');
    await clock.advance(5_000);
    expect(state()).toBe('ok');
    expect(users.has('remote-north')).toBe(true);
  });

  it('gives users back to an etcd that lost them, and another role instead of the old one', async () => {
    const { clock, file, users } = setUp(line('west'));
    await clock.advance(0);
    users.clear();
    await clock.advance(5_000);
    expect(users.get('remote-west')).toEqual(['remote']);
    file.text = 'users: [{name: remote-west, role: local}]';
    await clock.advance(5_000);
    expect(users.get('remote-west')).toEqual(['local']);
  });
});
