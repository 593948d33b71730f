import type { BpfMap } from '@clustermesh/ebpf';
import { lengthsKey, policyKey, policyRow, u32 } from './records.ts';
import type { PolicyDirection, PolicyHolder, Region } from './records.ts';

/** All of a protocol where it has no port; `length` for a range that begins at the port. */
export function region(protocol?: number, port?: number, length?: number): Region {
  const whole = protocol === undefined ? 0 : port === undefined ? 8 : 24;
  return { protocol: protocol ?? 0, port: port ?? 0, length: length ?? whole };
}

export const everything = region();
export const anybody = 0;

/** The rows of one subject: `policy` and `policy_len`, as an agent writes them. */
export class PolicyRows {
  readonly #map: (name: string) => BpfMap;
  readonly #subject: number;

  constructor(map: (name: string) => BpfMap, subject: number) {
    this.#map = map;
    this.#subject = subject;
  }

  allow(direction: PolicyDirection, remote: number, at: Region = everything, rule = 1): this {
    return this.#write({ subject: this.#subject, remote, direction }, at, policyRow(false, rule));
  }

  deny(direction: PolicyDirection, remote: number, at: Region = everything, rule = 2): this {
    return this.#write({ subject: this.#subject, remote, direction }, at, policyRow(true, rule));
  }

  /** Policy is known, and allows nobody anything that no row does. */
  isolate(direction: PolicyDirection): this {
    const key = lengthsKey({ subject: this.#subject, remote: anybody, direction });
    this.#map('policy_len').update(key, u32(0));
    return this;
  }

  /** Of all subjects. */
  clear(): this {
    for (const name of ['policy', 'policy_len']) {
      for (const [key] of [...this.#map(name).entries()]) this.#map(name).delete(key);
    }
    return this;
  }

  #write(holder: PolicyHolder, at: Region, row: Uint8Array): this {
    this.#map('policy').update(policyKey(holder, at), row);
    const key = lengthsKey(holder);
    const before = this.#map('policy_len').lookup(key);
    const bits = before === undefined ? 0 : new DataView(before.buffer, before.byteOffset).getUint32(0, true);
    this.#map('policy_len').update(key, u32(bits | (1 << at.length)));
    return this;
  }
}
