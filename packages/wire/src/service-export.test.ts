import { describe, expect, it } from '@jest/globals';
import { serviceExportCodec, type ServiceExport } from './service-export.ts';

const names = '"cluster":"c1","name":"n","namespace":"ns"';

function decode(rest: string): ServiceExport {
  const result = serviceExportCodec.decode(Buffer.from(`{${names}${rest}}`));
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

describe('a service export as several releases write it', () => {
  it.each([
    ['today’s', ',"labels":{"a":"1"},"annotations":{"b":"2"}'],
    ['those of 1.18', ',"Labels":{"a":"1"},"Annotations":{"b":"2"}'],
    ['both, which are equal', ',"labels":{"a":"1"},"Labels":{"a":"1"},"Annotations":{"b":"2"},"annotations":{"b":"2"}'],
  ])('labels and annotations under names that are %s', (_name, rest) => {
    expect(decode(rest)).toMatchObject({ labels: { a: '1' }, annotations: { b: '2' } });
  });

  it('labels that differ under both names are united, as Cilium unites them', () => {
    expect(decode(',"labels":{"a":"1"},"Labels":{"b":"2"}').labels).toEqual({ a: '1', b: '2' });
  });

  it('labels are written under today’s name, and left out when there are none', () => {
    const written = Buffer.from(serviceExportCodec.encode(decode(',"Labels":{"a":"1"},"Annotations":{}'))).toString();
    expect(written).toContain('"labels":{"a":"1"},"exportCreationTimestamp":null,');
    expect(written).not.toMatch(/Labels|nnotations/);
  });

  it.each([
    ['"2026-01-01T01:00:00+02:00"', '2025-12-31T23:00:00Z'],
    ['"2026-01-01T00:00:00.9Z"', '2026-01-01T00:00:00Z'],
    ['"0001-01-01T00:00:00Z"', null],
    ['null', null],
  ])('a creation time of %s is %j', (text, want) => {
    expect(decode(`,"exportCreationTimestamp":${text}`).exportCreationTimestamp).toBe(want);
  });

  it('a port without name, protocol and application protocol has none of them', () => {
    const ports = decode(',"ports":[{"port":80}]');
    expect(Buffer.from(serviceExportCodec.encode(ports)).toString()).toContain('"ports":[{"port":80}]');
  });
});
