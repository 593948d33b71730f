import type { Volume } from '@clustermesh/kube';
import { expect, it } from '@jest/globals';

import { volumeFiles } from './object-files.ts';

const objects = {
  data: (kind: string, _namespace: string, name: string): ReadonlyMap<string, Buffer> | undefined =>
    `${kind}/${name}` === 'secret/cert'
      ? new Map([
          ['tls.crt', Buffer.from('C')],
          ['tls.key', Buffer.from('K')],
        ])
      : undefined,
};

function filesOf(volume: Omit<Volume, 'name'>): unknown {
  const files = volumeFiles({ name: 'v', ...volume }, 'ns', objects);
  return files.ok
    ? Object.fromEntries([...files.value].map(([path, bytes]) => [path, bytes.toString()]))
    : files.reason;
}

const renamed = [{ key: 'tls.crt', path: 'common-etcd-client.crt' }];

it.each([
  {
    name: 'all keys of a secret',
    volume: { secret: { secretName: 'cert' } },
    want: { 'tls.crt': 'C', 'tls.key': 'K' },
  },
  {
    name: 'chosen keys',
    volume: { secret: { secretName: 'cert', items: renamed } },
    want: { 'common-etcd-client.crt': 'C' },
  },
  { name: 'an optional absent object', volume: { secret: { secretName: 'none', optional: true } }, want: {} },
  { name: 'a needed absent object', volume: { configMap: { name: 'none' } }, want: 'configMap "none" not found' },
  {
    name: 'a needed absent key',
    volume: { secret: { secretName: 'cert', items: [{ key: 'ca.crt', path: 'ca' }] } },
    want: 'secret "cert" has no key ca.crt',
  },
  {
    name: 'several sources in one directory',
    volume: {
      projected: {
        sources: [{ secret: { name: 'none', optional: true } }, { secret: { name: 'cert', items: renamed } }],
      },
    },
    want: { 'common-etcd-client.crt': 'C' },
  },
])('mounts $name', ({ volume, want }) => {
  expect(filesOf(volume)).toEqual(want);
});
