import type { ServerResponse } from 'node:http';

/** An object as it is sent; parsed by nobody here. */
export interface Stored {
  readonly json: Buffer;
  /** Value of the label by which it is selected. */
  readonly hash?: string | undefined;
}

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';

const comma = Buffer.from(',');
const lineEnd = Buffer.from('}\n');

/** The objects of one resource and who watches them. Nothing is built twice: the server is to cost as little as it can. */
export class Collection {
  readonly #kind: string;
  readonly #apiVersion: string;
  readonly #byName = new Map<string, Stored>();
  readonly #byHash = new Map<string, Map<string, Stored>>();
  /** The objects one after the other, for pages. */
  #order: readonly Stored[] | undefined;
  readonly #watchers = new Set<ServerResponse>();

  constructor(apiVersion: string, kind: string) {
    this.#apiVersion = apiVersion;
    this.#kind = kind;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  get(name: string): Stored | undefined {
    return this.#byName.get(name);
  }

  set(name: string, object: Stored): void {
    this.#byName.set(name, object);
    this.#order = undefined;
    if (object.hash === undefined) return;
    const others = this.#byHash.get(object.hash) ?? new Map<string, Stored>();
    this.#byHash.set(object.hash, others.set(name, object));
  }

  delete(name: string): void {
    this.#byName.delete(name);
    this.#order = undefined;
  }

  clear(): void {
    this.#byName.clear();
    this.#byHash.clear();
    this.#order = undefined;
  }

  copyTo(other: Collection): void {
    for (const [name, object] of this.#byName) other.set(name, object);
  }

  endWatches(): void {
    for (const watcher of this.#watchers) watcher.destroy();
  }

  /** A list that changes between its pages is not what is measured here: a page is a range of what there is now. */
  page(from: number, limit: number, revision: number): readonly Buffer[] {
    this.#order ??= [...this.#byName.values()];
    const end = from + limit;
    const left = this.#order.length - end;
    const more = left <= 0 ? '' : `,"continue":"${end}","remainingItemCount":${left}`;
    return this.#list(this.#order.slice(from, end), revision, more);
  }

  /** The few that have a label's value. */
  selected(hash: string, revision: number): readonly Buffer[] {
    return this.#list([...(this.#byHash.get(hash)?.values() ?? [])], revision, '');
  }

  #list(objects: readonly Stored[], revision: number, more: string): readonly Buffer[] {
    const head = `{"kind":"${this.#kind}List","apiVersion":"${this.#apiVersion}","metadata":{"resourceVersion":"${revision}"${more}},"items":[`;
    const items = objects.flatMap(({ json }, at) => (at === 0 ? [json] : [comma, json]));
    return [Buffer.from(head), ...items, Buffer.from(']}\n')];
  }

  watch(response: ServerResponse): void {
    this.#watchers.add(response);
    response.on('close', () => this.#watchers.delete(response));
  }

  /** An object of a watch says its type. */
  tell(type: EventType, json: Buffer): void {
    if (this.#watchers.size === 0) return;
    const head = `{"type":"${type}","object":{"kind":"${this.#kind}","apiVersion":"${this.#apiVersion}",`;
    const line = Buffer.concat([Buffer.from(head), json.subarray(1), lineEnd]);
    for (const watcher of this.#watchers) watcher.write(line);
  }

  bookmark(revision: number): void {
    this.tell('BOOKMARK', Buffer.from(`{"metadata":{"resourceVersion":"${revision}"}}`));
  }
}
