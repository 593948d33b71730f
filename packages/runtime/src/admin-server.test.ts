import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Counter, Registry } from 'prom-client';

import { AdminServer } from './admin-server.ts';
import { FakeClock } from './fake-clock.ts';
import { Health } from './health.ts';

describe('AdminServer', () => {
  const health = new Health(new FakeClock());
  const metrics = new Registry();
  new Counter({ name: 'things_total', help: 'things', registers: [metrics] }).inc(3);
  let notReady: string | undefined = 'waiting for services';
  let server: AdminServer;

  beforeEach(async () => {
    server = await AdminServer.listen({
      host: '127.0.0.1',
      port: 0,
      health,
      metrics,
      notReady: () => notReady,
      routes: { '/v1/cluster': () => [{ name: 'east' }] },
    });
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
  });
  const get = async (path: string, method = 'GET'): Promise<{ status: number; body: string }> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: response.status, body: await response.text() };
  };

  it('is not ready with the reason, then ready', async () => {
    expect(await get('/readyz')).toEqual({ status: 500, body: 'NotReady: waiting for services\n' });
    notReady = undefined;
    expect(await get('/readyz')).toEqual({ status: 200, body: 'Ready\n' });
  });

  it('is alive while jobs are degraded, and not when one stopped for good', async () => {
    health.scope('mirror').degraded('no route');
    expect(await get('/healthz')).toMatchObject({ status: 200, body: expect.stringContaining('no route') });
    health.scope('mirror').stopped('gave up');
    expect((await get('/healthz')).status).toBe(500);
  });

  it('shows metrics and its routes, and nothing else', async () => {
    expect((await get('/metrics')).body).toContain('things_total 3');
    expect(JSON.parse((await get('/v1/cluster')).body)).toEqual([{ name: 'east' }]);
    expect((await get('/etc/passwd')).status).toBe(404);
    expect((await get('/readyz', 'POST')).status).toBe(405);
  });

  it('says which address it could not listen on', async () => {
    const taken = AdminServer.listen({
      host: '127.0.0.1',
      port: server.port,
      health,
      metrics,
      notReady: () => undefined,
    });
    await expect(taken).rejects.toThrow(`listen on 127.0.0.1:${server.port}`);
  });
});
