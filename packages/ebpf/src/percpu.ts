import { readFileSync } from 'node:fs';

/** How many values an entry of a per-CPU map has: possible CPUs, which may be more than those online. */
export function possibleCpus(): number {
  return countCpus(readFileSync('/sys/devices/system/cpu/possible', 'utf8'));
}

/** Counts a CPU list of the kernel: `0-3,8` has five. */
export function countCpus(list: string): number {
  let count = 0;
  for (const range of list.trim().split(',')) {
    const [first = '', last = first] = range.split('-');
    count += Number(last) - Number(first) + 1;
  }
  return count;
}

/** The kernel keeps per-CPU values and array elements at multiples of 8 bytes. */
export function roundUpTo8(size: number): number {
  return (size + 7) & ~7;
}

/** Splits the value of a per-CPU map's entry into one record of `size` bytes per CPU. */
export function perCpuRecords(value: Uint8Array, size: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < value.length; at += roundUpTo8(size)) records.push(value.subarray(at, at + size));
  return records;
}
