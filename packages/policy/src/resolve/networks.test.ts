import { describe, expect, it } from '@jest/globals';
import { parseCidr, prefixOf } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import { Networks } from './networks.ts';
import type { StaticPeer } from './peer.ts';
import { covers, prefixText } from './prefix.ts';

function prefix(text: string): Prefix {
  const cidr = parseCidr(text);
  const found = cidr === undefined ? undefined : prefixOf(cidr);
  if (found === undefined) throw new TypeError(`${text} is no network`);
  return found;
}
const peer = (text: string, ...except: readonly string[]): StaticPeer => ({
  kind: 'cidr',
  prefix: prefix(text),
  except: except.map(prefix),
});
const told = (networks: Networks): readonly string[] =>
  networks.takeChanges().map(({ prefix: one, isNamed }) => `${isNamed ? '+' : '-'}${prefixText(one)}`);

describe('Networks', () => {
  it('tells of a network and its holes when the first policy names them, and when the last one does no more', () => {
    const networks = new Networks();
    networks.use(peer('10.0.0.0/8', '10.1.0.0/16'));
    networks.use(peer('10.1.0.0/16'));
    expect(told(networks)).toEqual(['+10.0.0.0/8', '+10.1.0.0/16']);
    networks.release(peer('10.0.0.0/8', '10.1.0.0/16'));
    expect(told(networks)).toEqual(['-10.0.0.0/8']);
    networks.release(peer('10.1.0.0/16'));
    expect(told(networks)).toEqual(['-10.1.0.0/16']);
  });

  it('does not tell what came and went, or went and came, in between', () => {
    const networks = new Networks();
    networks.use(peer('10.0.0.0/8'));
    networks.release(peer('10.0.0.0/8'));
    expect(told(networks)).toEqual([]);
    networks.use(peer('fd00::/16'));
    networks.takeChanges();
    networks.release(peer('fd00::/16'));
    networks.use(peer('fd00::/16'));
    expect(told(networks)).toEqual([]);
  });

  it.each(['0.0.0.0/0', '::/0'])('leaves %s to the identities of the world', (world) => {
    const networks = new Networks();
    networks.use(peer(world));
    expect(told(networks)).toEqual([]);
  });

  it('has nothing to do with peers that are no networks', () => {
    const networks = new Networks();
    networks.use({ kind: 'entity', entity: 'world' });
    expect(told(networks)).toEqual([]);
  });

  it.each([
    { of: '10.1.2.3/32', want: '10.1.0.0/16' },
    { of: '10.1.0.0/16', want: '10.1.0.0/16' },
    { of: '10.0.0.0/12', want: '10.0.0.0/8' },
    { of: '10.2.0.0/24', want: '10.0.0.0/8' },
    { of: '11.0.0.0/24', want: undefined },
    { of: 'fd00::1/128', want: 'fd00::/64' },
    { of: '::ffff:0:0/90', want: undefined },
  ])('the most specific one around $of is $want', ({ of, want }) => {
    const networks = new Networks();
    networks.use(peer('10.0.0.0/8', '10.1.0.0/16'));
    networks.use(peer('fd00::/64'));
    const around = networks.around(prefix(of));
    expect(around && prefixText(around)).toBe(want);
  });
});

describe('covers', () => {
  it.each([
    { outer: '10.0.0.0/8', inner: '10.1.0.0/16', want: true },
    { outer: '10.1.0.0/16', inner: '10.0.0.0/8', want: false },
    { outer: '10.0.0.0/9', inner: '10.128.0.0/16', want: false },
    { outer: '0.0.0.0/0', inner: '192.0.2.1/32', want: true },
    { outer: '::/0', inner: 'fd00::/8', want: true },
    { outer: '::/0', inner: '10.0.0.0/8', want: false },
    { outer: '0.0.0.0/0', inner: 'fd00::/8', want: false },
  ])('$outer, $inner: $want', ({ outer, inner, want }) => {
    expect(covers(prefix(outer), prefix(inner))).toBe(want);
  });
});
