import { KeyArena } from './key-arena.ts';
import { KeyFolders } from './key-folders.ts';
import type { Folder } from './key-folders.ts';
import { KeyIndex } from './key-index.ts';
import { keyedHash } from './keyed-hash.ts';
import { WordRows } from './word-rows.ts';

const none = -1;

/**
 * Numbers for keys: each key that somebody holds has a slot, small and its own, under which others keep what they know of it.
 * Several may hold one key, which is stored once. 20 to 30 bytes a key beside its name behind the last slash: millions are a
 * design case, and none at all costs nothing.
 */
export class KeyTable {
  readonly #folders: KeyFolders;
  readonly #arena = new KeyArena((from, to) => this.#moved(from, to));
  readonly #index = new KeyIndex();
  /** Of a slot, the address of its key; of a free slot, the next free one. */
  readonly #addresses = new WordRows(1);
  #slots = 0;
  #held = 0;
  #free = none;
  /** What was looked up last: it is often asked again, for example by another holder. */
  #lastKey: string | undefined;
  #lastSlot = none;
  #wanted = '';
  #wantedFolder: Folder;
  #wantedHash = 0;
  #wantedAddress = none;
  readonly #isWanted = (slot: number): boolean => this.#hasWanted(this.#addresses.get(slot, 0));
  readonly #isAtWanted = (slot: number): boolean => this.#addresses.get(slot, 0) === this.#wantedAddress;

  constructor(maxFolders?: number) {
    this.#folders = new KeyFolders(maxFolders);
    this.#wantedFolder = this.#folders.of('');
  }

  /** All slots are below. */
  get slots(): number {
    return this.#slots;
  }

  /** The key's slot; -1 when nobody holds it. */
  find(key: string): number {
    if (key === this.#lastKey) return this.#lastSlot;
    this.#wanted = key;
    this.#wantedFolder = this.#folders.of(key);
    this.#wantedHash = hashOf(key, this.#wantedFolder);
    return this.#remember(key, this.#index.find(this.#wantedHash, this.#isWanted));
  }

  /** One more holder of the key, in its slot. At most 255 may hold a key. */
  hold(key: string): number {
    const found = this.find(key);
    if (found !== none) {
      this.#arena.hold(this.#addresses.get(found, 0));
      return found;
    }
    // As it was looked up: a release, which may end the folder, forgets the key.
    const folder = this.#wantedFolder;
    const id = this.#folders.join(folder);
    const slot = this.#takeSlot();
    this.#addresses.set(slot, 0, this.#arena.add(id, key, id === 0 ? 0 : folder.text.length));
    this.#index.add(this.#wantedHash, slot);
    this.#held++;
    return this.#remember(key, slot);
  }

  /** One holder less; when there is none left the slot is free for another key. */
  release(slot: number): void {
    const address = this.#addresses.get(slot, 0);
    if (!this.#arena.release(address)) return;
    const key = this.keyAt(slot);
    this.#index.remove(hashOf(key, this.#folders.of(key)), slot);
    this.#folders.leave(this.#arena.folder(address));
    this.#lastKey = undefined;
    this.#freeSlot(slot);
    this.#arena.tidy();
  }

  /** Of a slot that is held. */
  keyAt(slot: number): string {
    return this.#keyOf(this.#addresses.get(slot, 0));
  }

  #hasWanted(address: number): boolean {
    const id = this.#arena.folder(address);
    if (id !== 0 && id !== this.#wantedFolder.id) return false;
    return this.#arena.is(address, this.#wanted, id === 0 ? 0 : this.#wantedFolder.text.length);
  }

  #remember(key: string, slot: number): number {
    this.#lastKey = key;
    this.#lastSlot = slot;
    return slot;
  }

  #keyOf(address: number): string {
    return this.#folders.text(this.#arena.folder(address)) + this.#arena.name(address);
  }

  #moved(from: number, to: number): void {
    const key = this.#keyOf(to);
    this.#wantedAddress = from;
    const slot = this.#index.find(hashOf(key, this.#folders.of(key)), this.#isAtWanted);
    this.#addresses.set(slot, 0, to);
  }

  #takeSlot(): number {
    if (this.#free === none) return this.#slots++;
    const slot = this.#free;
    this.#free = this.#addresses.get(slot, 0) - 1;
    return slot;
  }

  #freeSlot(slot: number): void {
    this.#addresses.set(slot, 0, this.#free + 1);
    this.#free = slot;
    if (--this.#held > 0) return;
    this.#addresses.zeroed();
    this.#slots = 0;
    this.#free = none;
  }
}

function hashOf(key: string, { text, hash }: Folder): number {
  return keyedHash(key, text.length, hash);
}
