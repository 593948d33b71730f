import { expect, it } from '@jest/globals';
import { parse } from 'yaml';

import { contextIn, kubeconfig } from './kubeconfig.ts';

const context = (name: string) => ({
  name,
  server: 'https://127.0.0.1:1',
  caPem: 'CA',
  certPem: `C${name}`,
  keyPem: 'K',
});

it('has a context named after each cluster, the first one current', () => {
  const config = parse(kubeconfig([context('east'), context('west')])) as { contexts: { name: string }[] };
  expect(config).toMatchObject({ 'current-context': 'east', kind: 'Config' });
  expect(config.contexts.map(({ name }) => name)).toEqual(['east', 'west']);
});

it('reads back what it wrote', () => {
  expect(contextIn(kubeconfig([context('east')]))).toEqual(context('east'));
});
