import { badRequest } from '../api-errors.ts';
import { isDeepEqual, isJsonObject } from '../api-object.ts';

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** RFC 6902. Throws BadRequest when an operation does not apply; then nothing is applied. */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch must be a list of operations');
  return patch.reduce<unknown>((document, step) => applyOperation(document, operation(step)), target);
}

function operation(step: unknown): Operation {
  if (isJsonObject(step) && typeof step['op'] === 'string' && typeof step['path'] === 'string') {
    return step as unknown as Operation;
  }
  throw badRequest(`not a JSON patch operation: ${JSON.stringify(step)}`);
}

function applyOperation(document: unknown, { op, path, from = '', value }: Operation): unknown {
  switch (op) {
    case 'add':
      return edit(document, pointer(path), (slot) => slot.insert(value));
    case 'remove':
      return edit(document, pointer(path), (slot) => slot.remove());
    case 'replace':
      return edit(document, pointer(path), (slot) => slot.replace(value));
    case 'move': {
      const moved = read(document, from);
      const without = edit(document, pointer(from), (slot) => slot.remove());
      return edit(without, pointer(path), (slot) => slot.insert(moved));
    }
    case 'copy':
      return edit(document, pointer(path), (slot) => slot.insert(read(document, from)));
    case 'test':
      if (isDeepEqual(read(document, path), value)) return document;
      throw badRequest(`testing value ${path} failed: it is ${JSON.stringify(read(document, path))}`);
    default:
      throw badRequest(`unknown JSON patch operation "${op}"`);
  }
}

function pointer(path: string): readonly string[] {
  if (path === '') return [];
  if (!path.startsWith('/')) throw badRequest(`not a JSON pointer: ${JSON.stringify(path)}`);
  return path
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: unknown, path: string): unknown {
  return pointer(path).reduce<unknown>((at, token) => {
    if (Array.isArray(at)) return (at as readonly unknown[])[existingIndex(at, token)];
    if (isJsonObject(at) && Object.hasOwn(at, token)) return at[token];
    throw missing(path);
  }, document);
}

/** The place in its container that a pointer names; each method gives a new container. */
interface Slot {
  insert(value: unknown): unknown;
  replace(value: unknown): unknown;
  remove(): unknown;
}

function edit(container: unknown, path: readonly string[], change: (slot: Slot) => unknown): unknown {
  const [token, ...rest] = path;
  if (token === undefined) return change(rootSlot);
  if (rest.length === 0) return change(slotOf(container, token));
  const inner = read(container, `/${escape(token)}`);
  return slotOf(container, token).replace(edit(inner, rest, change));
}

const rootSlot: Slot = { insert: (value) => value, replace: (value) => value, remove: () => null };

function slotOf(container: unknown, token: string): Slot {
  if (Array.isArray(container)) return arraySlot(container, token);
  if (!isJsonObject(container)) throw missing(token);
  const need = (): void => {
    if (!Object.hasOwn(container, token)) throw missing(token);
  };
  const set = (value: unknown): unknown => ({ ...container, [token]: value });
  return {
    insert: set,
    replace: (value) => (need(), set(value)),
    remove: () => {
      need();
      const { [token]: _, ...others } = container;
      return others;
    },
  };
}

function arraySlot(array: readonly unknown[], token: string): Slot {
  return {
    insert: (value) => array.toSpliced(token === '-' ? array.length : insertionIndex(array, token), 0, value),
    replace: (value) => array.with(existingIndex(array, token), value),
    remove: () => array.toSpliced(existingIndex(array, token), 1),
  };
}

function existingIndex(array: readonly unknown[], token: string): number {
  const index = Number(token);
  if (!/^\d+$/.test(token) || index >= array.length) throw missing(token);
  return index;
}

function insertionIndex(array: readonly unknown[], token: string): number {
  return Number(token) === array.length ? array.length : existingIndex(array, token);
}

function escape(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

function missing(path: string): Error {
  return badRequest(`the JSON patch names "${path}", which does not exist`);
}
