import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { systemClock } from './clock.ts';
import { ProfileServer } from './profile-server.ts';

describe('ProfileServer', () => {
  let server: ProfileServer;
  beforeAll(async () => {
    server = await ProfileServer.listen({ host: '127.0.0.1', port: 0 }, systemClock);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}/debug/pprof/${path}`);

  it('answers with what the processor did', async () => {
    const profile = (await (await get('profile?seconds=0.05')).json()) as { nodes: unknown[]; endTime: number };
    expect(profile.nodes.length).toBeGreaterThan(0);
    expect(profile.endTime).toBeGreaterThan(0);
  });

  it('answers with what was allocated', async () => {
    expect(await (await get('heap?seconds=0.05')).json()).toMatchObject({ head: expect.anything() });
  });

  it('takes one profile at a time', async () => {
    const [first, second] = await Promise.all([get('profile?seconds=0.3'), get('heap?seconds=0.3')]);
    expect([first.status, second.status].toSorted()).toEqual([200, 503]);
  });

  it.each([
    ['goroutine', 404],
    ['profile?seconds=0', 400],
    ['profile?seconds=often', 400],
    ['heap?seconds=100000', 400],
  ])('refuses %s', async (path, status) => {
    expect((await get(path)).status).toBe(status);
  });

  it('says where it cannot listen', async () => {
    const listening = ProfileServer.listen({ host: '127.0.0.1', port: server.port }, systemClock);
    await expect(listening).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('profiles'),
    });
  });
});
