/** meta.k8s.io/v1 Table: the columns that kubectl prints are chosen by the server. */
import type { ApiObject } from '../api-object.ts';
import type { ApiList } from '../object-reader.ts';
import type { ServedSlot } from '../resource-slot.ts';
import { columnsOf } from './table-columns.ts';
import type { Column } from './table-columns.ts';

/** Does the client prefer a Table? It names what it can read, the best first. */
export function wantsTable(accept: string | undefined): boolean {
  return /^\s*application\/json\s*;[^,]*\bas=Table\b/.test(accept ?? '');
}

export function tableOfList(list: ApiList, served: ServedSlot, nowMs: number): object {
  const { items, ...metadata } = list;
  return table(items, metadata, columnsOf(served.type, served.version), nowMs);
}

export function tableOfObject(object: ApiObject, served: ServedSlot, nowMs: number): object {
  const { resourceVersion } = object.metadata;
  return table([object], { resourceVersion }, columnsOf(served.type, served.version), nowMs);
}

function table(objects: readonly ApiObject[], metadata: object, columns: readonly Column[], nowMs: number): object {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ name, priority = 0 }) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: name,
      priority,
    })),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, nowMs)),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  };
}
