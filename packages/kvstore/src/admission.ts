/** Who decides which entries of a source may be kept. Asked for each new or changed value, before it is copied. */
export interface Admission {
  /**
   * `heldBytes`: of the value that is kept under this key now; undefined for a key that is not kept. Returns why not.
   * A refused new key is left out; of a refused change the value that is kept stays.
   */
  refuse(key: string, valueBytes: number, heldBytes: number | undefined): string | undefined;
  /** How much is kept has changed: keys, and bytes of keys and values. */
  used(keys: number, bytes: number): void;
  /** So much is to be written once more although the source has not changed it. */
  lost(keys: number, bytes: number): void;
  /** A key that lies outside what was asked for, or can be no entry's: passed over. */
  malformed(key: string): void;
}

/** Takes everything. */
export const openAdmission: Admission = {
  refuse: () => undefined,
  used: () => undefined,
  lost: () => undefined,
  malformed: () => undefined,
};
