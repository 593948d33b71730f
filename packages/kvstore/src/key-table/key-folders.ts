import { keyedHash } from './keyed-hash.ts';

/** What keys have in common: all up to the last slash. */
export interface Folder {
  readonly text: string;
  readonly hash: number;
  /** 0: it is not kept, and its keys are stored whole. */
  id: number;
  /** How many keys are stored without it. */
  keys: number;
}

const slash = 0x2f;
/** As many as fit into two bytes. */
const maxFolders = 65_535;

/** The folders of a table's keys, each stored once. */
export class KeyFolders {
  readonly #byText = new Map<string, Folder>();
  readonly #byId: (Folder | undefined)[] = [undefined];
  readonly #free: number[] = [];
  readonly #max: number;
  /** Keys come in order: mostly it is the one of the key before. */
  #last: Folder = newFolder('');

  constructor(max = maxFolders) {
    this.#max = max;
  }

  /** Of a key, kept or not. */
  of(key: string): Folder {
    const { text } = this.#last;
    if (!(key.startsWith(text) && isName(key, text.length))) {
      const wanted = key.slice(0, key.lastIndexOf('/') + 1);
      this.#last = this.#byText.get(wanted) ?? newFolder(wanted);
    }
    return this.#last;
  }

  /** `''` of 0. */
  text(id: number): string {
    return this.#byId[id]?.text ?? '';
  }

  /** One more key is stored: under which number. */
  join(folder: Folder): number {
    if (folder.id === 0 && folder.text !== '' && this.#byText.size < this.#max) this.#keep(folder);
    if (folder.id !== 0) folder.keys++;
    return folder.id;
  }

  /** A key under this number is gone. */
  leave(id: number): void {
    const folder = this.#byId[id];
    if (folder === undefined || --folder.keys > 0) return;
    this.#byText.delete(folder.text);
    this.#byId[id] = undefined;
    this.#free.push(id);
    folder.id = 0;
  }

  #keep(folder: Folder): void {
    folder.id = this.#free.pop() ?? this.#byId.length;
    this.#byId[folder.id] = folder;
    this.#byText.set(folder.text, folder);
  }
}

/** No slash from `from` on. Names are short: asking the string costs more. */
function isName(key: string, from: number): boolean {
  for (let at = from; at < key.length; at++) if (key.charCodeAt(at) === slash) return false;
  return true;
}

function newFolder(text: string): Folder {
  return { text, hash: keyedHash(text, 0, 0), id: 0, keys: 0 };
}
