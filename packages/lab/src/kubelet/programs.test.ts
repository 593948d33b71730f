import { expect, it } from '@jest/globals';

import { imageName } from './programs.ts';

it.each([
  { image: 'echo', want: 'echo' },
  { image: 'demo/echo:v1', want: 'echo' },
  { image: 'registry:5000/mesh/clustermesh-apiserver@sha256:0123', want: 'clustermesh-apiserver' },
  { image: 'registry:5000/mesh/etcd:v3@sha256:0123', want: 'etcd' },
])('$image is $want', ({ image, want }) => {
  expect(imageName(image)).toBe(want);
});
