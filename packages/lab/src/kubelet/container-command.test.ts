import type { Container } from '@clustermesh/kube';
import { describe, expect, it } from '@jest/globals';

import { containerCommand, expand } from './container-command.ts';
import { LocalNames } from './local-names.ts';
import type { ObjectFiles } from './object-files.ts';

const objects: ObjectFiles = {
  data: (kind, namespace, name) =>
    kind === 'configMap' && namespace === 'kube-system' && name === 'settings'
      ? new Map([['cluster-name', Buffer.from('east')]])
      : undefined,
};

function commandOf(container: Partial<Container>): ReturnType<typeof containerCommand> {
  return containerCommand(
    { name: 'main', image: 'clustermesh/tool:v1', ...container },
    {
      pod: {
        metadata: { name: 'pod-1', namespace: 'kube-system', uid: 'u1', labels: { app: 'web' } },
        spec: { containers: [], nodeName: 'n1' },
      },
      podIps: ['10.1.1.2', 'fd00:10:1:1::2'],
      hostIp: '172.30.1.11',
      programs: new Map([['tool', ['/bin/tool', '--fast']]]),
      names: new LocalNames(new Map([['/var/lib/data', '/state/volumes/data']])),
      objects,
    },
  );
}

describe('containerCommand', () => {
  it('starts the program that stands for the image, with the arguments', () => {
    expect(commandOf({ args: ['--verbose'] })).toMatchObject({
      ok: true,
      value: { argv: ['/bin/tool', '--fast', '--verbose'] },
    });
  });

  it('takes the command in place of the entrypoint', () => {
    expect(commandOf({ command: ['/usr/bin/etcd'], args: ['--data-dir=/var/lib/data/etcd'] })).toMatchObject({
      value: { argv: ['/usr/bin/etcd', '--data-dir=/state/volumes/data/etcd'] },
    });
  });

  it('refuses an image that no local program stands for', () => {
    expect(commandOf({ image: 'nginx' })).toEqual({ ok: false, reason: 'no local program stands for image nginx' });
  });

  it.each([
    { source: { fieldRef: { fieldPath: 'metadata.name' } }, want: 'pod-1' },
    { source: { fieldRef: { fieldPath: "metadata.labels['app']" } }, want: 'web' },
    { source: { fieldRef: { fieldPath: 'spec.nodeName' } }, want: 'n1' },
    { source: { fieldRef: { fieldPath: 'status.podIP' } }, want: '10.1.1.2' },
    { source: { fieldRef: { fieldPath: 'status.hostIP' } }, want: '172.30.1.11' },
    { source: { configMapKeyRef: { name: 'settings', key: 'cluster-name' } }, want: 'east' },
  ])('expands $want from its source, also in later variables and arguments', ({ source, want }) => {
    const container = {
      env: [
        { name: 'A', valueFrom: source },
        { name: 'B', value: 'is $(A)' },
      ],
      args: ['--b=$(B)'],
    };
    expect(commandOf(container)).toMatchObject({
      value: { argv: ['/bin/tool', '--fast', `--b=is ${want}`], env: { A: want, B: `is ${want}` } },
    });
  });

  it('leaves out a variable whose optional key is missing, and refuses a needed one', () => {
    const from = (optional: boolean): Partial<Container> => ({
      env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'none', key: 'k', optional } } }],
    });
    expect(commandOf(from(true))).toMatchObject({ ok: true, value: { env: {} } });
    expect(commandOf(from(false))).toEqual({ ok: false, reason: 'secret "none" has no key k' });
  });
});

describe('expand', () => {
  it.each([
    { text: '$(A)-$(B)', want: '1-$(B)' },
    { text: '$$(A)', want: '$(A)' },
    { text: '$A ${A}', want: '$A ${A}' },
  ])('$text → $want', ({ text, want }) => {
    expect(expand(text, new Map([['A', '1']]))).toBe(want);
  });
});
