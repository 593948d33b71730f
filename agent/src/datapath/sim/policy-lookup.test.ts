import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RowChange } from '@clustermesh/policy';

import { memoryDatapathMaps } from '../../maps/datapath-maps.ts';
import { smallSizes } from './testing/small-sizes.ts';
import { encodePolicyHolder, encodePolicyLengths } from '../../maps/policy.ts';
import { PolicyProgrammer } from '../policy-rows/policy-programmer.ts';
import { lookUpPolicy } from './policy-lookup.ts';

const web = 65_540;
const client = 131_080;
const tcp = 6;
const everything = { bits: 0, length: 0 };
const anyTcp = { bits: tcp << 16, length: 8 };
const port80 = { bits: (tcp << 16) | 80, length: 24 };
const ports80to87 = { bits: (tcp << 16) | 80, length: 21 };

describe('a look-up of policy', () => {
  const { policy: rows, policy_len: lengths } = memoryDatapathMaps(smallSizes);
  const maps = { rows, lengths };
  let programmer: PolicyProgrammer;

  beforeEach(() => {
    for (const map of [rows, lengths]) for (const [key] of map.entries()) map.delete(key);
    programmer = new PolicyProgrammer(maps);
  });

  function write(remote: number, region: RowChange['region'], verdict: 'allow' | 'deny', rule: number): void {
    programmer.apply([{ subject: web, direction: 'ingress', remote, region, row: { verdict, rule } }]);
  }

  const ask = (remote: number, port: number, subject = web) =>
    lookUpPolicy(maps, { subject, remote, direction: 'ingress', protocol: tcp, port });

  it('finds the longest row, whoever it is for', () => {
    write(client, anyTcp, 'deny', 1);
    write(0, ports80to87, 'allow', 2);
    expect(ask(client, 81)).toMatchObject({ verdict: 'allow', decisive: { row: { rule: 2 } } });
    expect(ask(client, 88)).toMatchObject({ verdict: 'deny', decisive: { row: { rule: 1 } } });
  });

  it('prefers that of the identity between equal ones', () => {
    write(0, port80, 'allow', 1);
    write(client, port80, 'deny', 2);
    expect(ask(client, 80)).toMatchObject({ verdict: 'deny', decisive: { row: { rule: 2 } } });
    expect(ask(client + 1, 80)).toMatchObject({ verdict: 'allow', decisive: { row: { rule: 1 } } });
  });

  it('tells what stands behind the row that decides', () => {
    write(client, port80, 'allow', 1);
    write(0, everything, 'deny', 2);
    write(client, anyTcp, 'deny', 3);
    const { entries, lengths: found } = ask(client, 80);
    expect(entries.map(({ row }) => row.rule)).toEqual([1, 3, 2]);
    expect(found).toEqual({ own: [24, 8], anybody: [0] });
  });

  it('says no where rows are about something else, and not ready where there are none', () => {
    write(client, port80, 'allow', 1);
    expect(ask(client, 81)).toMatchObject({ verdict: 'no rule', decisive: undefined });
    expect(ask(client, 80, web + 1)).toMatchObject({ verdict: 'not ready', entries: [] });
    lengths.update(encodePolicyHolder({ subject: web + 1, remote: 0, direction: 'ingress' }), encodePolicyLengths(0));
    expect(ask(client, 80, web + 1)).toMatchObject({ verdict: 'no rule', entries: [] });
  });
});
