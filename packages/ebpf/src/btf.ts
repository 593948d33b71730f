/** Where a global variable lies in its section. */
export interface Variable {
  readonly offset: number;
  readonly size: number;
}

const kindVariable = 14;
const kindDataSection = 15;

/** Bytes behind the 12 of struct btf_type, per kind: fixed, and per member (linux/btf.h). */
const fixedBytes: Readonly<Partial<Record<number, number>>> = { 1: 4, 3: 12, 14: 4, 17: 4 };
const memberBytes: Readonly<Partial<Record<number, number>>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };

interface BtfType {
  readonly name: string;
  readonly kind: number;
  /** Offset of what follows struct btf_type. */
  readonly body: number;
  readonly memberCount: number;
}

/** The variables of a data section such as `.rodata`, by name, from an object's BTF. */
export function sectionVariables(btf: Uint8Array, section: string): Map<string, Variable> {
  const types = readTypes(btf);
  const view = viewOf(btf);
  const variables = new Map<string, Variable>();
  for (const type of types) {
    if (type.kind !== kindDataSection || type.name !== section) continue;
    for (let i = 0; i < type.memberCount; i++) {
      // struct btf_var_secinfo: type, offset, size. Type ids count from 1.
      const at = type.body + 12 * i;
      const variable = types[view.getUint32(at, true) - 1];
      if (variable?.kind !== kindVariable) continue;
      variables.set(variable.name, { offset: view.getUint32(at + 4, true), size: view.getUint32(at + 8, true) });
    }
  }
  return variables;
}

function readTypes(btf: Uint8Array): BtfType[] {
  if (btf.length === 0) return [];
  const view = viewOf(btf);
  const headerLength = view.getUint32(4, true);
  const start = headerLength + view.getUint32(8, true);
  const end = start + view.getUint32(12, true);
  const strings = btf.subarray(headerLength + view.getUint32(16, true));
  const types: BtfType[] = [];
  for (let at = start; at < end;) {
    const info = view.getUint32(at + 4, true);
    const kind = (info >>> 24) & 0x1f;
    const memberCount = info & 0xffff;
    types.push({ name: stringAt(strings, view.getUint32(at, true)), kind, memberCount, body: at + 12 });
    at += 12 + (fixedBytes[kind] ?? 0) + (memberBytes[kind] ?? 0) * memberCount;
  }
  return types;
}

function stringAt(strings: Uint8Array, offset: number): string {
  return Buffer.from(strings.subarray(offset, strings.indexOf(0, offset))).toString('utf8');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
