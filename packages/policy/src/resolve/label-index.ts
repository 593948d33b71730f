import type { LabelSet } from '../selector.ts';
import type { Identity } from './identity.ts';

const nobody: ReadonlySet<number> = new Set();

/** Identities by the values of some label keys, in any source. */
export class LabelIndex {
  readonly #byKey = new Map<string, Map<string, Set<number>>>();

  /** From now on the key is looked up by. */
  open(key: string, identities: Iterable<Identity>): void {
    this.#byKey.set(key, new Map());
    for (const { number, labels } of identities) this.#add(number, labels, key);
  }

  close(key: string): void {
    this.#byKey.delete(key);
  }

  add(number: number, labels: LabelSet): void {
    for (const { key } of labels) if (this.#byKey.has(key)) this.#add(number, labels, key);
  }

  remove(number: number, labels: LabelSet): void {
    for (const { key, value } of labels) {
      const byValue = this.#byKey.get(key);
      const numbers = byValue?.get(value);
      numbers?.delete(number);
      if (numbers?.size === 0) byValue?.delete(value);
    }
  }

  numbers(key: string, value: string): ReadonlySet<number> {
    return this.#byKey.get(key)?.get(value) ?? nobody;
  }

  #add(number: number, labels: LabelSet, key: string): void {
    const byValue = this.#byKey.get(key);
    for (const label of labels) {
      if (label.key !== key) continue;
      const numbers = byValue?.get(label.value);
      if (numbers === undefined) byValue?.set(label.value, new Set([number]));
      else numbers.add(number);
    }
  }
}
