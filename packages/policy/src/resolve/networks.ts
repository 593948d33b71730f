import type { Prefix } from '@clustermesh/wire';

import type { StaticPeer } from './peer.ts';
import { isWorld } from './peer.ts';
import { prefixText } from './prefix.ts';

/** A network that policies began, or ceased, to speak of. */
export interface NetworkChange {
  readonly prefix: Prefix;
  readonly isNamed: boolean;
}

interface NamedNetwork {
  readonly prefix: Prefix;
  users: number;
}

/**
 * The networks that policies name, each of which needs an identity of its own: the most specific one around an address
 * is the address's. The whole world has its reserved identities.
 */
export class Networks {
  readonly #byText = new Map<string, NamedNetwork>();
  /** What was told of the networks that changed since. */
  readonly #changed = new Map<string, { readonly prefix: Prefix; readonly wasNamed: boolean }>();

  use(peer: StaticPeer): void {
    for (const prefix of prefixesOf(peer)) this.#count(prefix, 1);
  }

  release(peer: StaticPeer): void {
    for (const prefix of prefixesOf(peer)) this.#count(prefix, -1);
  }

  /** Since this was last asked; what came and went again is not told. */
  takeChanges(): readonly NetworkChange[] {
    const changes = [...this.#changed].flatMap(([text, { prefix, wasNamed }]) => {
      const isNamed = this.#byText.has(text);
      return isNamed === wasNamed ? [] : [{ prefix, isNamed }];
    });
    this.#changed.clear();
    return changes;
  }

  /** The most specific one that covers a network: itself, if it is one. */
  around({ address, bits }: Prefix): Prefix | undefined {
    for (let length = bits; length >= 0; length--) {
      const found = this.#byText.get(prefixText({ address: masked(address, length), bits: length }));
      if (found !== undefined) return found.prefix;
    }
    return undefined;
  }

  #count(prefix: Prefix, change: 1 | -1): void {
    const text = prefixText(prefix);
    const known = this.#byText.get(text);
    if (known === undefined || known.users + change === 0) {
      const before = this.#changed.get(text);
      if (before === undefined) this.#changed.set(text, { prefix, wasNamed: known !== undefined });
    }
    const users = (known?.users ?? 0) + change;
    if (users === 0) this.#byText.delete(text);
    else this.#byText.set(text, { prefix, users });
  }
}

function prefixesOf(peer: StaticPeer): readonly Prefix[] {
  return peer.kind === 'cidr' ? [peer.prefix, ...peer.except].filter((prefix) => !isWorld(prefix)) : [];
}

function masked(address: Uint8Array, bits: number): Uint8Array {
  return address.map((byte, at) => byte & (0xff << Math.min(8, Math.max(0, 8 * (at + 1) - bits))));
}
