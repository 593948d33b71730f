import { expect, it } from '@jest/globals';

import { identityCodec } from '@clustermesh/wire';

import { vector } from '../testing/vectors.ts';
import { labelsOfCiliumIdentity } from './cilium-identity.ts';

it.each<{ name: string; labels: Readonly<Record<string, string>> | undefined; want: string }>([
  {
    name: 'labels, sorted by key alone',
    labels: { 'k8s:io.kubernetes.pod.namespace': 'default', 'k8s:app': 'web', 'cni:zone': 'a' },
    want: 'k8s:app=web;k8s:io.kubernetes.pod.namespace=default;cni:zone=a;',
  },
  { name: 'empty values and colons in values', labels: { 'k8s:a': '', 'k8s:b': 'x:y=z' }, want: 'k8s:a=;k8s:b=x:y=z;' },
  { name: 'labels without a source', labels: { app: 'a:b' }, want: 'unspec:app=a:b;' },
  { name: 'a key of two sources, once', labels: { 'k8s:app': 'a', 'cni:app': 'b' }, want: 'cni:app=b;' },
  { name: 'no labels', labels: undefined, want: '' },
])('writes $name', ({ labels, want }) => {
  const identity = { metadata: { name: '65666' }, ...(labels && { 'security-labels': labels }) };
  expect(Buffer.from(identityCodec.encode(labelsOfCiliumIdentity(identity))).toString()).toBe(want);
});

it.each<{ name: string; labels: Readonly<Record<string, string>> }>([
  {
    name: 'identity-typical',
    labels: {
      'k8s:io.kubernetes.pod.namespace': 'default',
      'k8s:io.cilium.k8s.policy.serviceaccount': 'default',
      'k8s:io.cilium.k8s.policy.cluster': 'cluster1',
      'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': 'default',
      'k8s:app': 'web',
    },
  },
  {
    name: 'identity-named-ports',
    labels: {
      'k8s:io.cilium.k8s.policy.cluster': 'cluster1',
      'gen:io.cilium.k8s.named-ports-1': 'y',
      'gen:io.cilium.k8s.named-ports': 'x',
    },
  },
])('is, byte for byte, the vector $name', ({ name, labels }) => {
  const bytes = identityCodec.encode(
    labelsOfCiliumIdentity({ metadata: { name: '65666' }, 'security-labels': labels }),
  );
  expect(Buffer.from(bytes).toString()).toBe(vector(`${name}.value`).toString());
});
