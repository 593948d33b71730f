import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { contains, everything, pointRegion, protocolRegion, regionsOfRange } from './region.ts';
import type { Region } from './region.ts';
import { RowTable } from './row-table.ts';
import { closeRows, lookUp } from './rows.ts';
import type { Claim, Row, Verdict } from './row.ts';

const tcp = 6;
const udp = 17;

describe('regionsOfRange', () => {
  it.each([
    { from: 80, to: 80, want: 1 },
    { from: 0, to: 65_535, want: 1 },
    { from: 1_024, to: 65_535, want: 6 },
    { from: 1, to: 65_534, want: 30 },
    { from: 8_000, to: 8_099, want: 3 },
  ])('$from to $to takes $want', ({ from, to, want }) => {
    expect(regionsOfRange(tcp, from, to)).toHaveLength(want);
  });

  it('is exactly the range', () => {
    const port = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(port, port, port, (a, b, asked) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const regions = regionsOfRange(tcp, from, to);
        const holders = regions.filter((region) => contains(region, pointRegion(tcp, asked)));
        expect(holders).toHaveLength(asked >= from && asked <= to ? 1 : 0);
        expect(regions.some((region) => contains(region, pointRegion(udp, asked)))).toBe(false);
      }),
    );
  });
});

const allow = (region: Region, rule = 1): Claim => ({ region, verdict: 'allow', rule });
const deny = (region: Region, rule = 2): Claim => ({ region, verdict: 'deny', rule });
const port80 = pointRegion(tcp, 80);

/** Slow and obviously right: deny beats allow, whoever says it. */
function judge(at: Region, claims: readonly Claim[]): Verdict | undefined {
  const around = claims.filter(({ region }) => contains(region, at)).map(({ verdict }) => verdict);
  if (around.includes('deny')) return 'deny';
  return around.includes('allow') ? 'allow' : undefined;
}

function tables(
  own: readonly Claim[],
  any: readonly Claim[],
): { readonly own: readonly Row[]; readonly any: RowTable } {
  const wildcard = new RowTable(closeRows(any));
  return { own: closeRows(own, wildcard), any: wildcard };
}

describe('closeRows', () => {
  it.each([
    {
      name: 'a deny around an allow takes it away',
      own: [deny(everything), allow(port80)],
      any: [],
      want: [deny(everything)],
    },
    {
      name: 'a deny inside an allow stays',
      own: [allow(everything), deny(port80)],
      any: [],
      want: [allow(everything), deny(port80)],
    },
    {
      name: 'two rules for the same are one row',
      own: [allow(port80, 1), allow(port80, 3)],
      any: [],
      want: [allow(port80, 1)],
    },
    { name: 'what anybody may needs no row of one', own: [allow(port80)], any: [allow(protocolRegion(tcp))], want: [] },
    {
      name: 'a deny of one is repeated where anybody is allowed inside it',
      own: [deny(everything)],
      any: [allow(port80)],
      want: [deny(everything), deny(port80)],
    },
    {
      name: 'a deny of anybody holds for one who is allowed',
      own: [allow(port80)],
      any: [deny(protocolRegion(tcp))],
      want: [],
    },
  ])('$name', ({ own, any, want }) => {
    const rows = tables(own, any).own;
    expect([...rows].sort((a, b) => a.region.length - b.region.length)).toEqual(want);
  });

  const region = fc.oneof(
    fc.constant(everything),
    fc.constantFrom(tcp, udp).map(protocolRegion),
    fc
      .record({
        protocol: fc.constantFrom(tcp, udp),
        port: fc.integer({ min: 0, max: 15 }),
        free: fc.integer({ min: 0, max: 4 }),
      })
      .map(({ protocol, port, free }) => ({ bits: (protocol << 16) | ((port >> free) << free), length: 24 - free })),
  );
  const claims = fc.array(
    fc.record({ region, verdict: fc.constantFrom<Verdict>('allow', 'deny'), rule: fc.integer({ min: 1, max: 9 }) }),
    { maxLength: 8 },
  );
  const points = [tcp, udp, 132].flatMap((protocol) =>
    Array.from({ length: 17 }, (_, port) => pointRegion(protocol, port)),
  );

  it('two look-ups give what all rules together say', () => {
    fc.assert(
      fc.property(claims, claims, (own, any) => {
        const rows = tables(own, any);
        for (const at of points)
          expect(lookUp(at, new RowTable(rows.own), rows.any)?.verdict).toBe(judge(at, [...own, ...any]));
      }),
      { numRuns: 500 },
    );
  });

  it('no row could be left out', () => {
    fc.assert(
      fc.property(claims, claims, (own, any) => {
        const rows = tables(own, any);
        for (const row of rows.own) {
          const others = rows.own.filter((other) => other !== row);
          expect(lookUp(row.region, new RowTable(others), rows.any)?.verdict).not.toBe(row.verdict);
        }
      }),
    );
  });
});
