import type { Entry } from './cached-member.ts';

export const opsPerTransaction = 1_000;
export const bytesPerTransaction = 1 << 20;

/** So that etcd takes them, and all of them. */
export const etcdFlags = [
  `--max-txn-ops=${opsPerTransaction}`,
  `--max-request-bytes=${2 * bytesPerTransaction}`,
  `--quota-backend-bytes=${8 * 2 ** 30}`,
];

/** Field numbers of etcd's messages, each of wire type 2: bytes with their length before them. */
const successOfTransaction = tag(2);
const putOfOperation = tag(2);
const keyOfPut = tag(1);
const valueOfPut = tag(2);

/** A transaction of puts (etcdserverpb.TxnRequest), encoded as it grows: millions of them by way of objects take minutes. */
export class PutTransaction {
  readonly #bytes: Buffer;
  #size = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** False when there is no room for it. Key and value are ASCII. */
  add([key, value]: Entry): boolean {
    const put = fieldSize(key.length) + fieldSize(value.length);
    const operation = fieldSize(put);
    if (this.#size + fieldSize(operation) > this.#bytes.length) return false;
    this.#head(successOfTransaction, operation);
    this.#head(putOfOperation, put);
    this.#text(keyOfPut, key);
    this.#text(valueOfPut, value);
    this.#count++;
    return true;
  }

  /** What has been added, which begins anew. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#size));
    this.#size = 0;
    this.#count = 0;
    return taken;
  }

  #text(field: number, text: string): void {
    this.#head(field, text.length);
    this.#size += this.#bytes.write(text, this.#size, 'latin1');
  }

  #head(field: number, length: number): void {
    this.#bytes[this.#size++] = field;
    let rest = length;
    for (; rest > 127; rest >>>= 7) this.#bytes[this.#size++] = (rest & 127) | 128;
    this.#bytes[this.#size++] = rest;
  }
}

function tag(field: number): number {
  return (field << 3) | 2;
}

function fieldSize(length: number): number {
  let varint = 1;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) varint++;
  return 1 + varint + length;
}
