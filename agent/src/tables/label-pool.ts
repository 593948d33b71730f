import type { Label, LabelArray } from '@clustermesh/wire';

interface Pooled {
  readonly label: Label;
  uses: number;
}

/** Labels as numbers in a string, two characters each: one piece of memory. */
export type PackedLabels = string;

/**
 * The labels of many identities, each kept once: they have few between them. What is taken by `pack` is given back by
 * `release`.
 */
export class LabelPool {
  /** Source → key → value → number. */
  readonly #numbers = new Map<string, Map<string, Map<string, number>>>();
  readonly #pooled: (Pooled | undefined)[] = [];
  readonly #free: number[] = [];

  /** Different ones. */
  get size(): number {
    return this.#pooled.length - this.#free.length;
  }

  pack(labels: LabelArray): PackedLabels {
    const codes: number[] = [];
    for (const label of labels) {
      const number = this.#use(label);
      codes.push(number & 0xffff, number >>> 16);
    }
    return String.fromCharCode(...codes);
  }

  /** The same, in the same order. Mapped: an array that grew would keep room for more, and policies keep it. */
  labels(packed: PackedLabels): LabelArray {
    return numbersOf(packed).map((number) => (this.#pooled[number] as Pooled).label);
  }

  release(packed: PackedLabels): void {
    for (const number of numbersOf(packed)) {
      const pooled = this.#pooled[number];
      if (pooled === undefined || --pooled.uses > 0) continue;
      this.#forget(pooled.label);
      this.#pooled[number] = undefined;
      this.#free.push(number);
    }
  }

  #use(label: Label): number {
    const known = this.#numbers.get(label.source)?.get(label.key)?.get(label.value);
    if (known === undefined)
      return this.#add({ source: ownText(label.source), key: ownText(label.key), value: ownText(label.value) });
    const pooled = this.#pooled[known];
    if (pooled !== undefined) pooled.uses++;
    return known;
  }

  #add(label: Label): number {
    const number = this.#free.pop() ?? this.#pooled.push(undefined) - 1;
    this.#pooled[number] = { label, uses: 1 };
    const keys = this.#numbers.get(label.source) ?? new Map<string, Map<string, number>>();
    const values = keys.get(label.key) ?? new Map<string, number>();
    this.#numbers.set(label.source, keys.set(label.key, values.set(label.value, number)));
    return number;
  }

  #forget({ source, key, value }: Label): void {
    const keys = this.#numbers.get(source);
    const values = keys?.get(key);
    values?.delete(value);
    if (values?.size === 0) keys?.delete(key);
    if (keys?.size === 0) this.#numbers.delete(source);
  }
}

function numbersOf(packed: PackedLabels): readonly number[] {
  const numbers: number[] = [];
  for (let at = 0; at < packed.length; at += 2) {
    numbers.push(packed.charCodeAt(at) | (packed.charCodeAt(at + 1) << 16));
  }
  return numbers;
}

/** A copy that is no part of the text that it was read from, which would stay as long. */
export function ownText(text: string): string {
  const copy = Buffer.from(text).toString();
  // A text that is no Unicode, as JSON may have it, has no such copy.
  return copy === text ? copy : text;
}
