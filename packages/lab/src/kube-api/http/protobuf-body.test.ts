import { describe, expect, it } from '@jest/globals';

import { parseProtobufBody } from './protobuf-body.ts';

/** A length-delimited field. */
function field(number: number, content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}
function varint(number: number, value: number): Buffer {
  return Buffer.from([number << 3, value]);
}
function body(kind: string, ...fields: Buffer[]): Buffer {
  const typeMeta = Buffer.concat([field(1, 'v1'), field(2, kind)]);
  return Buffer.concat([Buffer.from('k8s\0'), field(1, typeMeta), field(2, Buffer.concat(fields))]);
}
const metadata = field(1, Buffer.concat([field(1, 'm'), field(2, ''), varint(7, 0)]));

describe('parseProtobufBody', () => {
  it('reads maps, and leaves out what Go writes for nothing', () => {
    const entry = (key: string, value: string): Buffer => field(2, Buffer.concat([field(1, key), field(2, value)]));
    expect(parseProtobufBody(body('ConfigMap', metadata, entry('a', '1'), entry('b', '')))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'm' },
      data: { a: '1', b: '' },
    });
  });

  it('keeps the zero of a pointer', () => {
    expect(parseProtobufBody(body('ConfigMap', metadata, varint(4, 0)))).toMatchObject({ immutable: false });
  });

  it.each<[string, Buffer]>([
    ['a field that it would have to drop', body('ConfigMap', metadata, field(9, 'x'))],
    ['a type that it does not know', body('Node', metadata)],
    ['a length behind the end', body('ConfigMap', Buffer.from([(1 << 3) | 2, 50]))],
    ['a number where text belongs', body('ConfigMap', varint(1, 1))],
    ['a varint that does not end', body('ConfigMap', Buffer.alloc(12, 0xff))],
    ['what is no Kubernetes protobuf', Buffer.from('{}')],
  ])('refuses %s', (_, bytes) => {
    expect(() => parseProtobufBody(bytes)).toThrow(expect.objectContaining({ code: 'KUBE_INVALID' }));
  });
});
