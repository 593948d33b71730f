import { describe, expect, it } from '@jest/globals';

import type { Pod } from '@clustermesh/kube';

import { proxyTarget, splitProxyName } from './pod-proxy.ts';

const pod: Pod = {
  metadata: { name: 'p' },
  spec: {
    containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 8080 }, { name: 'admin', containerPort: 9880 }] }],
  },
  status: { podIP: '10.1.0.5' },
};

describe('pods/proxy', () => {
  it.each([
    ['p', 8080],
    ['p:9090', 9090],
    ['p:admin', 9880],
    ['http:p:9090', 9090],
  ])('%s goes to port %i of the pod', (name, port) => {
    expect(proxyTarget(pod, splitProxyName(name).port)).toEqual({ host: '10.1.0.5', port });
  });

  it('speaks no TLS to pods', () => {
    expect(() => splitProxyName('https:p:1')).toThrow('cannot proxy');
  });

  it('refuses a port that the pod does not name, and a pod without address', () => {
    expect(() => proxyTarget(pod, 'odd')).toThrow('has no port');
    expect(() => proxyTarget({ ...pod, status: {} }, '80')).toThrow('has no IP');
  });
});
