/** Keys by the group they are in, one group a key: which objects does a change of the group touch? */
export class GroupedKeys {
  readonly #groupByKey = new Map<string, string>();
  readonly #keysByGroup = new Map<string, Set<string>>();

  groupOf(key: string): string | undefined {
    return this.#groupByKey.get(key);
  }

  /** A copy: the members may be regrouped while it is read. */
  keysOf(group: string): readonly string[] {
    return [...(this.#keysByGroup.get(group) ?? [])];
  }

  groups(): Iterable<string> {
    return this.#keysByGroup.keys();
  }

  /** Returns the group that the key was in; `undefined` takes it out of all. */
  put(key: string, group: string | undefined): string | undefined {
    const before = this.#groupByKey.get(key);
    if (before === group) return before;
    if (before !== undefined) this.#leave(key, before);
    if (group === undefined) return before;
    this.#groupByKey.set(key, group);
    const keys = this.#keysByGroup.get(group) ?? new Set();
    this.#keysByGroup.set(group, keys.add(key));
    return before;
  }

  #leave(key: string, group: string): void {
    this.#groupByKey.delete(key);
    const keys = this.#keysByGroup.get(group);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysByGroup.delete(group);
  }
}
