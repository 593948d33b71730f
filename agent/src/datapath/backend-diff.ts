import type { BackendRecord, BackendRecords } from '../maps/backend.ts';
import type { SlotRecords } from '../maps/slot.ts';
import type { ServiceRecord } from '../maps/service.ts';

/** How a frontend's wanted backends relate to the programmed ones. */
export interface BackendDiff {
  /** Per wanted backend its id, 0 where a new record is needed. */
  readonly ids: Uint32Array;
  /** How many ids are 0. */
  readonly added: number;
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
  const same = (index: number, slot: number): boolean => {
    const id = maps.slots.backendId(slotBase + slot);
    const backend = wanted[index];
    if (backend === undefined || !maps.backends.holds(id, backend)) return false;
    ids[index] = id;
    return true;
  };
  const shorter = Math.min(wanted.length, total);
  let head = 0;
  while (head < shorter && same(head, head)) head++;
  let tail = 0;
  while (tail < shorter - head && same(wanted.length - 1 - tail, total - 1 - tail)) tail++;

  const middle = new Map<string, number>();
  for (let slot = head; slot < total - tail; slot++) {
    const id = maps.slots.backendId(slotBase + slot);
    middle.set(backendText(maps.backends.read(id)), id);
  }
  let added = 0;
  for (let index = head; index < wanted.length - tail; index++) {
    const text = backendText(wanted[index]);
    const id = middle.get(text);
    if (id === undefined) added++;
    else ids[index] = id;
    middle.delete(text);
  }
  return { ids, added, removed: [...middle.values()], sameSlots: head === wanted.length && head === total };
}

function backendText(backend: BackendRecord | undefined): string {
  if (backend === undefined) return '';
  const address = Buffer.from(backend.address).toString('latin1');
  return `${address}${backend.port} ${backend.protocol} ${backend.clusterId} ${backend.zone}`;
}
