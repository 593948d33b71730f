import { describe, expect, it } from '@jest/globals';

import { atOtherServers } from './other-servers.ts';

const original = {
  server: new URL('https://10.96.0.1:443'),
  contextName: 'in-cluster',
  namespace: 'kube-system',
  credentials: () => Promise.resolve({ tls: {}, headers: { Authorization: 'Bearer t' } }),
};
const [a, b] = [new URL('https://a:6443'), new URL('https://b:6443')];

describe('atOtherServers', () => {
  it('keeps the endpoint as it is when there is no other address', () => {
    expect(atOtherServers(original, [])).toBe(original);
  });

  it('uses the next address when one cannot be reached, once for all who found out', () => {
    const endpoint = atOtherServers(original, [a, b]);
    expect(endpoint.server).toBe(a);
    endpoint.unreachable?.(a);
    endpoint.unreachable?.(a);
    expect(endpoint.server).toBe(b);
    endpoint.unreachable?.(b);
    expect(endpoint.server).toBe(a);
  });

  it('presents itself as before', async () => {
    const { headers } = await atOtherServers(original, [a]).credentials();
    expect(headers).toEqual({ Authorization: 'Bearer t' });
  });
});
