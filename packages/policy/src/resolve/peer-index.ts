import type { Identity } from './identity.ts';
import { anchorOf, isPeer, peerKey } from './peer.ts';
import type { StaticPeer } from './peer.ts';

interface PeerSet {
  readonly peer: StaticPeer;
  /** Where it is looked up by a label; '' = it is asked of every identity. */
  readonly anchors: readonly string[];
  readonly members: Set<number>;
  users: number;
}

/** Which identities each peer of a policy means, kept as both come and go. */
export class PeerIndex {
  readonly #localCluster: string;
  readonly #identities = new Map<number, Identity>();
  readonly #sets = new Map<string, PeerSet>();
  readonly #setsByAnchor = new Map<string, Set<string>>();
  readonly #setsByIdentity = new Map<number, Set<string>>();

  constructor(localCluster: string) {
    this.#localCluster = localCluster;
  }

  identity(number: number): Identity | undefined {
    return this.#identities.get(number);
  }

  /** Numbers of those who have a port with a name. */
  *withNamedPorts(): Generator<number> {
    for (const { number, namedPorts } of this.#identities.values()) if (namedPorts.size > 0) yield number;
  }

  /** Keys of the peers that an identity is one of. */
  peersOf(number: number): ReadonlySet<string> {
    return this.#setsByIdentity.get(number) ?? new Set();
  }

  members(key: string): ReadonlySet<number> {
    return this.#sets.get(key)?.members ?? new Set();
  }

  /** Its key. Each use must be given back by `release`. */
  use(peer: StaticPeer): string {
    const key = peerKey(peer);
    const known = this.#sets.get(key);
    if (known !== undefined) known.users += 1;
    else this.#add(key, peer);
    return key;
  }

  release(key: string): void {
    const set = this.#sets.get(key);
    if (set === undefined || --set.users > 0) return;
    this.#sets.delete(key);
    for (const anchor of set.anchors) removeFrom(this.#setsByAnchor, anchor, key);
    for (const number of set.members) removeFrom(this.#setsByIdentity, number, key);
  }

  /** Keys of the peers that it came to or left. */
  upsert(identity: Identity): ReadonlySet<string> {
    const { number } = identity;
    const before = this.peersOf(number);
    this.#identities.set(number, identity);
    const after = new Set([...this.#candidates(identity)].filter((key) => this.#includes(key, identity)));
    for (const key of before) if (!after.has(key)) this.#sets.get(key)?.members.delete(number);
    for (const key of after) this.#sets.get(key)?.members.add(number);
    this.#setsByIdentity.set(number, after);
    return new Set([...before, ...after]);
  }

  remove(number: number): ReadonlySet<string> {
    const before = this.peersOf(number);
    for (const key of before) this.#sets.get(key)?.members.delete(number);
    this.#identities.delete(number);
    this.#setsByIdentity.delete(number);
    return before;
  }

  #add(key: string, peer: StaticPeer): void {
    const anchor = anchorOf(peer);
    const anchors = anchor === undefined ? [''] : anchor.values.map((value) => anchorKey(anchor.key, value));
    const set: PeerSet = { peer, anchors, members: new Set(), users: 1 };
    this.#sets.set(key, set);
    for (const each of anchors) addTo(this.#setsByAnchor, each, key);
    for (const identity of this.#identities.values()) {
      if (!isPeer(peer, identity, this.#localCluster)) continue;
      set.members.add(identity.number);
      addTo(this.#setsByIdentity, identity.number, key);
    }
  }

  *#candidates({ labels }: Identity): Generator<string> {
    yield* this.#setsByAnchor.get('') ?? [];
    for (const [key, value] of labels.pairs()) yield* this.#setsByAnchor.get(anchorKey(key, value)) ?? [];
  }

  #includes(key: string, identity: Identity): boolean {
    const set = this.#sets.get(key);
    return set !== undefined && isPeer(set.peer, identity, this.#localCluster);
  }
}

function anchorKey(key: string, value: string): string {
  return `${key}=${value}`;
}

function addTo<K>(sets: Map<K, Set<string>>, key: K, member: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([member]));
  else set.add(member);
}

function removeFrom<K>(sets: Map<K, Set<string>>, key: K, member: string): void {
  const set = sets.get(key);
  set?.delete(member);
  if (set?.size === 0) sets.delete(key);
}
