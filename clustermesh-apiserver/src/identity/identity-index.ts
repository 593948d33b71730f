import type { IdentityRange } from '@clustermesh/wire';

import { parseMeshIdentity } from './mesh-identity.ts';
import type { Identity, MeshIdentity } from './mesh-identity.ts';

/** The identity objects as last seen, by number and by label set. */
export class IdentityIndex {
  readonly #range: IdentityRange;
  readonly #objectsByName = new Map<string, MeshIdentity>();
  readonly #byNumber = new Map<number, Identity>();
  readonly #numbersByText = new Map<string, Set<number>>();

  constructor(range: IdentityRange) {
    this.#range = range;
  }

  /** Returns the label sets that this concerns. */
  upsert(object: MeshIdentity): readonly string[] {
    const before = this.forget(object.metadata.name);
    this.#objectsByName.set(object.metadata.name, object);
    const identity = parseMeshIdentity(object);
    if (identity === undefined) return before;
    this.#byNumber.set(identity.number, identity);
    this.#numbersOf(identity.text).add(identity.number);
    return before.includes(identity.text) ? before : [...before, identity.text];
  }

  /** A late deletion of an earlier object of that name changes nothing. */
  delete(object: MeshIdentity): readonly string[] {
    const known = this.#objectsByName.get(object.metadata.name);
    return known?.metadata.uid === object.metadata.uid ? this.forget(object.metadata.name) : [];
  }

  forget(name: string): readonly string[] {
    this.#objectsByName.delete(name);
    const identity = this.#byNumber.get(Number(name));
    if (identity === undefined) return [];
    this.#byNumber.delete(identity.number);
    const numbers = this.#numbersOf(identity.text);
    numbers.delete(identity.number);
    if (numbers.size === 0) this.#numbersByText.delete(identity.text);
    return [identity.text];
  }

  /** Is there any object of that number, be it an identity or not? */
  isTaken(number: number): boolean {
    return this.#objectsByName.has(`${number}`);
  }

  at(number: number): Identity | undefined {
    return this.#byNumber.get(number);
  }

  all(): Iterable<Identity> {
    return this.#byNumber.values();
  }

  /** The identity of a label set: when creators raced, the lowest number is it. Outside of the range is none. */
  identityOf(text: string): Identity | undefined {
    const { first, last } = this.#range;
    const numbers = [...(this.#numbersByText.get(text) ?? [])].filter((number) => number >= first && number <= last);
    return numbers.length === 0 ? undefined : this.#byNumber.get(Math.min(...numbers));
  }

  #numbersOf(text: string): Set<number> {
    const known = this.#numbersByText.get(text) ?? new Set<number>();
    this.#numbersByText.set(text, known);
    return known;
  }
}
