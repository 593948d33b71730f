import { expect, it } from '@jest/globals';

import { MountTable } from './mount-table.ts';

const mounts = new MountTable(
  new Map([
    ['/var/lib/cilium/clustermesh/', '/v/remote'],
    ['/var/lib/cilium', '/v/cilium'],
    ['/var/run/clustermesh', '/v/run'],
  ]),
);

it.each([
  { text: '--dir=/var/lib/cilium/clustermesh', want: '--dir=/v/remote' },
  { text: '/var/lib/cilium/clustermesh/a.crt', want: '/v/remote/a.crt' },
  { text: '/var/lib/cilium/other', want: '/v/cilium/other' },
  { text: 'unix:///var/run/clustermesh/agent.sock', want: 'unix:///v/run/agent.sock' },
  { text: '/var/lib/cilium2/x', want: '/var/lib/cilium2/x' },
  { text: '/opt/var/lib/cilium/x', want: '/opt/var/lib/cilium/x' },
  { text: 'a: /var/run/clustermesh\nb: "/var/lib/cilium"', want: 'a: /v/run\nb: "/v/cilium"' },
])('$text → $want', ({ text, want }) => {
  expect(mounts.translate(text)).toBe(want);
});

it('leaves everything as it is without mounts', () => {
  expect(new MountTable(new Map()).translate('/var/lib')).toBe('/var/lib');
});
