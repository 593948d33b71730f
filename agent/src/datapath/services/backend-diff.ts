import { backendText } from '../../maps/backend.ts';
import type { BackendRecord, BackendRecords } from '../../maps/backend.ts';
import type { ServiceRecord } from '../../maps/service.ts';
import type { SlotRecords } from '../../maps/slot.ts';

/** How a frontend's wanted backends relate to the programmed ones. */
export interface BackendDiff {
  /** Per wanted backend its id, 0 where a new record is needed. */
  readonly ids: Uint32Array;
  readonly removed: readonly number[];
  /** The slots hold exactly the wanted backends in the wanted order: no new extent is needed. */
  readonly sameSlots: boolean;
}

/**
 * Compares with the maps themselves, so that no second copy of every backend is kept. Equal heads and tails are
 * skipped in place: one changed backend of thousands costs comparisons, not allocations.
 */
export function diffBackends(
  wanted: readonly BackendRecord[],
  current: Pick<ServiceRecord, 'slotBase' | 'total'> | undefined,
  maps: { readonly slots: SlotRecords; readonly backends: BackendRecords },
): BackendDiff {
  const ids = new Uint32Array(wanted.length);
  const { slotBase, total } = current ?? { slotBase: 0, total: 0 };
  const isSame = (index: number, slot: number): boolean => {
    const id = maps.slots.backendId(slotBase + slot);
    const backend = wanted[index];
    if (backend === undefined || !maps.backends.holds(id, backend)) return false;
    ids[index] = id;
    return true;
  };
  const shorter = Math.min(wanted.length, total);
  let head = 0;
  while (head < shorter && isSame(head, head)) head++;
  let tail = 0;
  while (tail < shorter - head && isSame(wanted.length - 1 - tail, total - 1 - tail)) tail++;

  const middle = new Map<string, number>();
  for (let slot = head; slot < total - tail; slot++) {
    const id = maps.slots.backendId(slotBase + slot);
    middle.set(maps.backends.text(id), id);
  }
  for (let index = head; index < wanted.length - tail && middle.size > 0; index++) {
    const backend = wanted[index];
    if (backend === undefined) continue;
    const text = backendText(backend);
    ids[index] = middle.get(text) ?? 0;
    middle.delete(text);
  }
  return { ids, removed: [...middle.values()], sameSlots: head === wanted.length && head === total };
}
