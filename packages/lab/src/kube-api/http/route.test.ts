import { describe, expect, it } from '@jest/globals';

import { parseRoute } from './route.ts';

const core = { group: '', version: 'v1' };

describe('parseRoute', () => {
  it.each([
    ['/api', { kind: 'core-versions' }],
    ['/apis', { kind: 'groups' }],
    ['/apis/', { kind: 'groups' }],
    ['/apis/apps', { kind: 'group', group: 'apps' }],
    ['/api/v1', { kind: 'group-version', group: '', version: 'v1' }],
    ['/apis/apps/v1', { kind: 'group-version', group: 'apps', version: 'v1' }],
    ['/version', { kind: 'version' }],
    ['/readyz', { kind: 'health' }],
    ['/livez/ping', { kind: 'health' }],
    ['/openapi/v3', { kind: 'openapi-v3', groupVersion: undefined }],
    ['/openapi/v3/apis/apps/v1', { kind: 'openapi-v3', groupVersion: 'apis/apps/v1' }],
    ['/openapi/v1', { kind: 'unknown' }],
    ['/', { kind: 'unknown' }],
    ['/metrics', { kind: 'unknown' }],
    ['/api/v1/%zz', { kind: 'unknown' }],
  ])('%s', (path, want) => {
    expect(parseRoute(path)).toEqual(want);
  });

  it.each([
    ['/api/v1/nodes', { type: { ...core, plural: 'nodes' } }],
    ['/api/v1/nodes/n1/status', { type: { ...core, plural: 'nodes' }, name: 'n1', subresource: 'status' }],
    ['/api/v1/namespaces', { type: { ...core, plural: 'namespaces' } }],
    ['/api/v1/namespaces/shop', { type: { ...core, plural: 'namespaces' }, name: 'shop' }],
    [
      '/api/v1/namespaces/shop/status',
      { type: { ...core, plural: 'namespaces' }, name: 'shop', subresource: 'status' },
    ],
    ['/api/v1/namespaces/shop/pods', { type: { ...core, plural: 'pods' }, namespace: 'shop' }],
    ['/api/v1/namespaces/shop/pods/a%3Ab', { type: { ...core, plural: 'pods' }, namespace: 'shop', name: 'a:b' }],
    [
      '/apis/apps/v1/namespaces/shop/deployments/web/scale',
      {
        type: { group: 'apps', version: 'v1', plural: 'deployments' },
        namespace: 'shop',
        name: 'web',
        subresource: 'scale',
      },
    ],
    [
      '/api/v1/namespaces/shop/pods/p:80/proxy/a//b/',
      { type: { ...core, plural: 'pods' }, namespace: 'shop', name: 'p:80', subresource: 'proxy', rest: '/a//b/' },
    ],
    [
      '/api/v1/namespaces/shop/pods/p/proxy/',
      { type: { ...core, plural: 'pods' }, namespace: 'shop', name: 'p', subresource: 'proxy', rest: '/' },
    ],
  ])('%s', (path, want) => {
    const none = { namespace: undefined, name: undefined, subresource: undefined, rest: '' };
    expect(parseRoute(path)).toEqual({ kind: 'resource', ...none, ...want });
  });
});
