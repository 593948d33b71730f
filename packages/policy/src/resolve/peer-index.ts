import { firstLocalSubject } from './identity.ts';
import type { Identity } from './identity.ts';
import { LabelIndex } from './label-index.ts';
import { anchorOf, isPeer, peerKey } from './peer.ts';
import type { StaticPeer } from './peer.ts';

interface PeerSet {
  readonly peer: StaticPeer;
  /** Who rows can be about as a remote. */
  readonly members: Set<number>;
  /** Subjects of this node alone. */
  readonly locals: Set<number>;
  users: number;
}

const nobody: ReadonlySet<number> = new Set();
const none: readonly string[] = [];

/**
 * Which identities each peer of a policy means, kept as both come and go. A new identity is compared with peers that ask
 * for a label that it has; a new peer with identities that have one of the labels that it asks for.
 */
export class PeerIndex {
  readonly #localCluster: string;
  readonly #identities = new Map<number, Identity>();
  readonly #sets = new Map<string, PeerSet>();
  /** Label key → value → keys of the peers that ask for it. */
  readonly #keysByAnchor = new Map<string, Map<string, Set<string>>>();
  readonly #keysWithoutAnchor = new Set<string>();
  /** They never mean a workload. */
  readonly #keysOfNetworks = new Set<string>();
  readonly #keysByIdentity = new Map<number, readonly string[]>();
  /** Of the keys that peers are looked up by: there are few of them, and many identities. */
  readonly #labels = new LabelIndex();
  /** Who a network can mean: networks, and the world as a whole. */
  readonly #outside = new Set<number>();
  readonly #withPorts = new Set<number>();

  constructor(localCluster: string) {
    this.#localCluster = localCluster;
  }

  identity(number: number): Identity | undefined {
    return this.#identities.get(number);
  }

  /** Numbers of those who have a port with a name. */
  get withNamedPorts(): ReadonlySet<number> {
    return this.#withPorts;
  }

  isMember(key: string, number: number): boolean {
    const set = this.#sets.get(key);
    return set !== undefined && (set.members.has(number) || set.locals.has(number));
  }

  /** Keys of the peers that an identity is one of. */
  peersOf(number: number): readonly string[] {
    return this.#keysByIdentity.get(number) ?? none;
  }

  /** Who rows can be about as a remote. */
  members(key: string): ReadonlySet<number> {
    return this.#sets.get(key)?.members ?? nobody;
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
    this.#keysWithoutAnchor.delete(key);
    this.#keysOfNetworks.delete(key);
    for (const [label, value] of anchorsOf(set.peer)) this.#withoutAnchor(label, value, key);
    for (const number of [...set.members, ...set.locals]) {
      this.#setPeers(
        number,
        this.peersOf(number).filter((each) => each !== key),
      );
    }
  }

  /** Keys of the peers that it came to, changed in or left. */
  upsert(identity: Identity): ReadonlySet<string> {
    const { number } = identity;
    const before = this.peersOf(number);
    this.#forget(this.#identities.get(number));
    this.#remember(identity);
    const after = new Set([...this.#candidatesOf(identity)].filter((key) => this.#includes(key, identity)));
    for (const key of before) if (!after.has(key)) this.#leave(key, number);
    for (const key of after) this.#join(key, number);
    this.#setPeers(number, [...after]);
    for (const key of before) after.add(key);
    return after;
  }

  remove(number: number): ReadonlySet<string> {
    const before = this.peersOf(number);
    for (const key of before) this.#leave(key, number);
    this.#forget(this.#identities.get(number));
    this.#identities.delete(number);
    this.#setPeers(number, none);
    return new Set(before);
  }

  #remember(identity: Identity): void {
    const { number, prefix, namedPorts, labels } = identity;
    this.#identities.set(number, identity);
    this.#labels.add(number, labels);
    if (prefix !== undefined || isWorldAsAWhole(identity)) this.#outside.add(number);
    if (namedPorts.size > 0 && number < firstLocalSubject) this.#withPorts.add(number);
  }

  #forget(identity: Identity | undefined): void {
    if (identity === undefined) return;
    this.#labels.remove(identity.number, identity.labels);
    this.#outside.delete(identity.number);
    this.#withPorts.delete(identity.number);
  }

  #add(key: string, peer: StaticPeer): void {
    this.#sets.set(key, { peer, members: new Set(), locals: new Set(), users: 1 });
    const anchors = anchorsOf(peer);
    for (const [label, value] of anchors) this.#anchor(label, value, key);
    if (peer.kind === 'cidr') this.#keysOfNetworks.add(key);
    else if (anchors.length === 0) this.#keysWithoutAnchor.add(key);
    for (const identity of this.#candidatesFor(peer)) {
      const { number } = identity;
      if (!isPeer(peer, identity, this.#localCluster)) continue;
      this.#join(key, number);
      this.#setPeers(number, [...this.peersOf(number), key]);
    }
  }

  #join(key: string, number: number): void {
    const set = this.#sets.get(key);
    (number < firstLocalSubject ? set?.members : set?.locals)?.add(number);
  }

  #leave(key: string, number: number): void {
    const set = this.#sets.get(key);
    (number < firstLocalSubject ? set?.members : set?.locals)?.delete(number);
  }

  /** Identities that may be the peer. */
  *#candidatesFor(peer: StaticPeer): Generator<Identity> {
    for (const number of this.#numbersFor(peer)) {
      const identity = this.#identities.get(number);
      if (identity !== undefined) yield identity;
    }
  }

  #numbersFor(peer: StaticPeer): Iterable<number> {
    if (peer.kind === 'cidr') return [...this.#outside];
    const anchors = anchorsOf(peer);
    if (anchors.length === 0) return this.#identities.keys();
    return anchors.flatMap(([label, value]) => [...this.#labels.numbers(label, value)]);
  }

  /** Keys of the peers that an identity may be one of. */
  *#candidatesOf({ number, labels }: Identity): Generator<string> {
    yield* this.#keysWithoutAnchor;
    if (this.#outside.has(number)) yield* this.#keysOfNetworks;
    for (const { key, value } of labels) yield* this.#keysByAnchor.get(key)?.get(value) ?? [];
  }

  #includes(key: string, identity: Identity): boolean {
    const set = this.#sets.get(key);
    return set !== undefined && isPeer(set.peer, identity, this.#localCluster);
  }

  #setPeers(number: number, keys: readonly string[]): void {
    if (keys.length > 0) this.#keysByIdentity.set(number, keys);
    else this.#keysByIdentity.delete(number);
  }

  #anchor(label: string, value: string, key: string): void {
    const byValue = this.#keysByAnchor.get(label) ?? new Map<string, Set<string>>();
    if (byValue.size === 0) this.#labels.open(label, this.#identities.values());
    this.#keysByAnchor.set(label, byValue);
    addTo(byValue, value, key);
  }

  #withoutAnchor(label: string, value: string, key: string): void {
    const byValue = this.#keysByAnchor.get(label);
    if (byValue === undefined) return;
    removeFrom(byValue, value, key);
    if (byValue.size > 0) return;
    this.#keysByAnchor.delete(label);
    this.#labels.close(label);
  }
}

/** The labels of which an identity must have one to be the peer; none: it may be anybody. */
function anchorsOf(peer: StaticPeer): readonly (readonly [label: string, value: string])[] {
  const anchor = anchorOf(peer);
  return anchor === undefined ? [] : anchor.values.map((value) => [anchor.key, value] as const);
}

function isWorldAsAWhole({ labels }: Identity): boolean {
  return ['world', 'world-ipv4', 'world-ipv6'].some((name) => labels.has('reserved', name));
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, member: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([member]));
  else set.add(member);
}

function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, member: V): void {
  const set = sets.get(key);
  set?.delete(member);
  if (set?.size === 0) sets.delete(key);
}
