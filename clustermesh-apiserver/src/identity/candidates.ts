import { createHash } from 'node:crypto';

import type { IdentityRange } from '@clustermesh/wire';

/**
 * The numbers to try for a label set, in order: from where its hash points, on to the end of the range and around. So
 * replicas that race for one label set meet at the same number, a set keeps its number even when its object is lost,
 * and a freed number is rarely given to another set soon.
 */
export function* candidates(text: string, range: IdentityRange): Generator<number, undefined> {
  const size = range.last - range.first + 1;
  const start = createHash('sha256').update(text).digest().readUIntBE(0, 6) % size;
  for (let step = 0; step < size; step++) yield range.first + ((start + step) % size);
  return undefined;
}
