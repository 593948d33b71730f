import { expect, it } from '@jest/globals';

import { LocalNames } from './local-names.ts';

const names = new LocalNames(
  new Map([
    ['/var/lib/cilium/clustermesh/', '/v/remote'],
    ['/var/lib/cilium', '/v/cilium'],
    ['/var/run/clustermesh', '/v/run'],
    ['127.0.0.1', '127.30.1.11'],
    ['0.0.0.0', '127.30.1.11'],
  ]),
);

it.each([
  { text: '--dir=/var/lib/cilium/clustermesh', want: '--dir=/v/remote' },
  { text: '/var/lib/cilium/clustermesh/a.crt', want: '/v/remote/a.crt' },
  { text: '/var/lib/cilium/other', want: '/v/cilium/other' },
  { text: 'unix:///var/run/clustermesh/agent.sock', want: 'unix:///v/run/agent.sock' },
  {
    text: '--urls=https://127.0.0.1:2379,https://10.0.0.1:1',
    want: '--urls=https://127.30.1.11:2379,https://10.0.0.1:1',
  },
  { text: '--host=0.0.0.0', want: '--host=127.30.1.11' },
  { text: '127.0.0.10 10.0.0.0.1', want: '127.0.0.10 10.0.0.0.1' },
  { text: '/var/lib/cilium2/x', want: '/var/lib/cilium2/x' },
  { text: '/opt/var/lib/cilium/x', want: '/opt/var/lib/cilium/x' },
  { text: 'a: /var/run/clustermesh\nb: "/var/lib/cilium"', want: 'a: /v/run\nb: "/v/cilium"' },
])('$text → $want', ({ text, want }) => {
  expect(names.translate(text)).toBe(want);
});

it('leaves everything as it is when there is nothing to replace', () => {
  expect(new LocalNames(new Map()).translate('/var/lib')).toBe('/var/lib');
});
