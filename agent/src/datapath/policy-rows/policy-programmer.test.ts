import { describe, expect, it } from '@jest/globals';
import { MemoryMap } from '@clustermesh/ebpf';
import type { RowChange } from '@clustermesh/policy';

import {
  decodePolicyKey,
  decodePolicyRow,
  policyKeyLayout,
  policyLengthsKeyLayout,
  policyValueLayout,
} from '../../maps/policy.ts';
import { PolicyProgrammer } from './policy-programmer.ts';
import type { PolicyMaps } from './policy-programmer.ts';

const web = 65_540;
const client = 131_080;
const everything = { bits: 0, length: 0 };
const port80 = { bits: (6 << 16) | 80, length: 24 };

/** Maps that remember in which order they are written. */
class LoggedMap extends MemoryMap {
  readonly log: string[];

  constructor(name: string, sizes: { keySize: number; valueSize: number; maxEntries: number }, log: string[]) {
    super({ type: 'hash', name, ...sizes });
    this.log = log;
  }

  override update(key: Uint8Array, value: Uint8Array): void {
    super.update(key, value);
    this.log.push(`+${this.name}`);
  }

  override delete(key: Uint8Array): boolean {
    this.log.push(`-${this.name}`);
    return super.delete(key);
  }
}

function newMaps(maxEntries = 16): { readonly maps: PolicyMaps; readonly log: string[] } {
  const log: string[] = [];
  const rows = { keySize: policyKeyLayout.size, valueSize: policyValueLayout.size, maxEntries };
  const lengths = { keySize: policyLengthsKeyLayout.size, valueSize: 4, maxEntries };
  return { maps: { rows: new LoggedMap('row', rows, log), lengths: new LoggedMap('len', lengths, log) }, log };
}

function change(remote: number, region: RowChange['region'], verdict?: 'allow' | 'deny', rule = 1): RowChange {
  const about = { subject: web, direction: 'ingress', remote, region } as const;
  return verdict === undefined ? about : { ...about, row: { verdict, rule } };
}

function rowsOf({ rows }: PolicyMaps): readonly string[] {
  return [...rows.entries()]
    .map(([key, value]) => {
      const { remote, bits, length } = decodePolicyKey(key);
      return `${remote} ${bits >>> 16}/${bits & 0xffff}/${length} ${decodePolicyRow(value).deny ? 'deny' : 'allow'}`;
    })
    .sort();
}

const lengthsOf = ({ lengths }: PolicyMaps): readonly number[] =>
  [...lengths.entries()].map(([, value]) => new DataView(value.buffer, value.byteOffset).getUint32(0, true));

describe('PolicyProgrammer', () => {
  it('writes a row before its bit, and takes the bit away before the row', () => {
    const { maps, log } = newMaps();
    const programmer = new PolicyProgrammer(maps);
    programmer.apply([change(client, port80, 'allow')]);
    programmer.apply([change(client, port80)]);
    expect(log).toEqual(['+row', '+len', '-len', '-row']);
    expect(rowsOf(maps)).toEqual([]);
  });

  it('says which lengths there are, as long as any row has them', () => {
    const { maps } = newMaps();
    const programmer = new PolicyProgrammer(maps);
    programmer.apply([
      change(client, port80, 'allow'),
      change(client, { ...port80, bits: port80.bits + 1 }, 'allow'),
      change(client, everything, 'deny'),
    ]);
    expect(lengthsOf(maps)).toEqual([(1 << 24) | 1]);
    programmer.apply([change(client, port80), change(client, everything)]);
    expect(lengthsOf(maps)).toEqual([1 << 24]);
  });

  it('writes what decides before the rest first, and takes it away last', () => {
    const { maps } = newMaps();
    const written: string[] = [];
    const update = maps.rows.update.bind(maps.rows);
    const remove = maps.rows.delete.bind(maps.rows);
    const text = (key: Uint8Array): string => `${decodePolicyKey(key).remote}/${decodePolicyKey(key).length}`;
    maps.rows.update = (key, value) => {
      written.push(`+${text(key)}`);
      update(key, value);
    };
    maps.rows.delete = (key) => {
      written.push(`-${text(key)}`);
      return remove(key);
    };
    const programmer = new PolicyProgrammer(maps);
    const rows = [
      change(0, everything, 'deny'),
      change(client, everything, 'allow'),
      change(0, port80, 'allow'),
      change(client, port80, 'deny'),
    ];
    programmer.apply(rows);
    expect(written.splice(0)).toEqual([`+${client}/24`, '+0/24', `+${client}/0`, '+0/0']);
    programmer.apply(rows.map(({ row: _, ...gone }) => gone));
    expect(written).toEqual(['-0/0', `-${client}/0`, '-0/24', `-${client}/24`]);
  });

  it('writes nothing that is there already, so that counters go on', () => {
    const { maps, log } = newMaps();
    const programmer = new PolicyProgrammer(maps);
    programmer.apply([change(client, port80, 'allow')]);
    log.length = 0;
    programmer.apply([change(client, port80, 'allow')]);
    expect(log).toEqual([]);
  });

  it('a successor leaves all in force, and takes away what is not wanted only when told', () => {
    const { maps } = newMaps();
    new PolicyProgrammer(maps).apply([change(client, port80, 'allow'), change(0, everything, 'allow')]);
    const successor = new PolicyProgrammer(maps);
    for (const _ of successor.restoring());
    successor.apply([change(client, port80, 'allow')]);
    expect(rowsOf(maps)).toEqual(['0 0/0/0 allow', `${client} 6/80/24 allow`]);
    successor.sweep(({ remote }) => remote !== 0);
    expect(rowsOf(maps)).toEqual(['0 0/0/0 allow', `${client} 6/80/24 allow`]);
    expect(successor.hasLeftovers).toBe(true);
    successor.sweep(() => true);
    expect(rowsOf(maps)).toEqual([`${client} 6/80/24 allow`]);
    expect(lengthsOf(maps)).toEqual([1 << 24]);
    expect(successor.hasLeftovers).toBe(false);
  });

  it('what a predecessor left goes in the same order: no deny before the allow that it is an exception of', () => {
    const { maps } = newMaps();
    new PolicyProgrammer(maps).apply([change(0, port80, 'deny'), change(0, everything, 'allow')]);
    const successor = new PolicyProgrammer(maps);
    for (const _ of successor.restoring());
    const gone: number[] = [];
    const remove = maps.rows.delete.bind(maps.rows);
    maps.rows.delete = (key) => {
      gone.push(decodePolicyKey(key).length);
      return remove(key);
    };
    successor.sweep(() => true);
    expect(gone).toEqual([0, 24]);
  });

  it('says that a subject is ready, though nothing is allowed to it, until it is gone', () => {
    const { maps, log } = newMaps();
    const programmer = new PolicyProgrammer(maps);
    programmer.markReady(web);
    expect(lengthsOf(maps)).toEqual([0, 0]);
    programmer.apply([change(0, port80, 'allow')]);
    programmer.apply([change(0, port80)]);
    expect(lengthsOf(maps)).toEqual([0, 0]);
    const successor = new PolicyProgrammer(maps);
    for (const _ of successor.restoring());
    log.length = 0;
    successor.markReady(web);
    expect(log).toEqual([]);
    successor.markGone(web);
    expect(lengthsOf(maps)).toEqual([]);
  });

  describe('without room', () => {
    const other = { bits: (6 << 16) | 443, length: 24 };
    const tcp = { bits: 6 << 16, length: 8 };

    it('tells how many rows, and tries them again', () => {
      const { maps } = newMaps(1);
      const programmer = new PolicyProgrammer(maps);
      programmer.apply([change(client, port80, 'allow'), change(0, port80, 'allow')]);
      expect(programmer.refused).toBe(1);
      expect(programmer.problem).toMatch(/^1 rows of policies: /);
      expect(rowsOf(maps)).toEqual([`${client} 6/80/24 allow`]);
      programmer.apply([change(client, port80)]);
      expect(rowsOf(maps)).toEqual(['0 6/80/24 allow']);
      expect(programmer.problem).toBeUndefined();
    });

    it.each([
      { name: 'its own wider row', standing: change(client, tcp, 'allow'), closed: `${client} 6/0/8` },
      { name: 'the row for anybody', standing: change(0, everything, 'allow'), closed: '0 0/0/0' },
    ])('a deny never leaves an allow standing: $name denies in its stead', ({ standing, closed }) => {
      const { maps } = newMaps(2);
      const programmer = new PolicyProgrammer(maps);
      programmer.apply([standing, change(0, other, 'allow')]);
      programmer.apply([change(client, port80, 'deny')]);
      expect(rowsOf(maps)).toEqual([`${closed} deny`, '0 6/443/24 allow'].sort());
      expect(programmer.problem).toMatch(/^1 rows of policies, and 1 others deny in their stead: /);
      // Once there is room, all is as it should be.
      programmer.apply([change(0, other)]);
      expect(rowsOf(maps)).toEqual([`${client} 6/80/24 deny`, `${closed} allow`].sort());
      expect(programmer.problem).toBeUndefined();
    });

    it('a deny for anybody leaves no allow of an identity standing', () => {
      const { maps } = newMaps(3);
      const programmer = new PolicyProgrammer(maps);
      programmer.apply([change(client, tcp, 'allow'), change(0, other, 'allow'), change(client, everything, 'deny')]);
      programmer.apply([change(0, port80, 'deny')]);
      expect(rowsOf(maps)).toContain(`${client} 6/0/8 deny`);
      programmer.apply([change(client, tcp, 'allow', 2)]);
      expect(rowsOf(maps)).toContain(`${client} 6/0/8 deny`);
      programmer.apply([change(0, other)]);
      expect(rowsOf(maps)).toEqual(['0 6/80/24 deny', `${client} 0/0/0 deny`, `${client} 6/0/8 allow`].sort());
      expect(programmer.problem).toBeUndefined();
    });

    it('leaves half of the map to others than one remote cluster (I1)', () => {
      const { maps } = newMaps(4);
      const clusterOf = (identity: number): number => identity >>> 16;
      const programmer = new PolicyProgrammer(maps, (identity) => (identity === web ? 0 : clusterOf(identity)));
      programmer.apply([0, 1, 2].map((nth) => change(client + nth, port80, 'allow')));
      programmer.apply([change(0, port80, 'allow'), change(web, port80, 'allow')]);
      const [first, second] = [`${client} 6/80/24 allow`, `${client + 1} 6/80/24 allow`];
      expect(rowsOf(maps)).toEqual(['0 6/80/24 allow', first, second, `${web} 6/80/24 allow`].sort());
      expect(programmer.problem).toBe('1 rows of policies: another cluster has half of the map');
      const successor = new PolicyProgrammer(maps, clusterOf);
      for (const _ of successor.restoring());
      successor.apply([change(web, port80), change(client, port80), change(client + 2, port80, 'allow')]);
      expect(rowsOf(maps)).toEqual(['0 6/80/24 allow', second, `${client + 2} 6/80/24 allow`].sort());
      expect(successor.problem).toBeUndefined();
    });

    it('remembers only so many rows of one remote cluster that have no room, and every deny (I1)', () => {
      const { maps } = newMaps(4);
      const programmer = new PolicyProgrammer(maps, (identity) => identity >>> 16);
      programmer.apply(Array.from({ length: 1_000 }, (_, nth) => change(client + nth, port80, 'allow')));
      expect([programmer.size, programmer.refused]).toEqual([2, 2]);
      expect(programmer.problem).toMatch(/^2 rows of policies and more, until the agent is restarted: /);
      programmer.apply([change(client + 500, everything, 'deny')]);
      expect([programmer.size, programmer.refused]).toEqual([2, 3]);
    });

    it('does not ask for room again and again for rows that have none', () => {
      const { maps } = newMaps(1);
      const programmer = new PolicyProgrammer(maps);
      programmer.apply([change(0, everything, 'deny')]);
      programmer.apply(Array.from({ length: 100 }, (_, nth) => change(client + nth, port80, 'allow')));
      let attempts = 0;
      const update = maps.rows.update.bind(maps.rows);
      maps.rows.update = (key, value) => {
        attempts += 1;
        update(key, value);
      };
      programmer.apply([]);
      expect(programmer.refused).toBe(100);
      expect(attempts).toBe(1);
    });

    it('a row that comes around such a deny is closed at once, and opens when nobody needs that any more', () => {
      const { maps } = newMaps(2);
      const programmer = new PolicyProgrammer(maps);
      programmer.apply([change(0, everything, 'deny'), change(0, other, 'allow')]);
      programmer.apply([change(client, port80, 'deny')]);
      programmer.apply([change(0, everything, 'allow', 2)]);
      expect(rowsOf(maps)).toEqual(['0 0/0/0 deny', '0 6/443/24 allow']);
      programmer.apply([change(client, port80)]);
      expect(rowsOf(maps)).toEqual(['0 0/0/0 allow', '0 6/443/24 allow']);
    });
  });
});
