/** Loads objects and attaches their programs in the network namespace that it runs in, then ends: argument is JSON. */
import { argv } from 'node:process';
import { attachTcx, loadObject } from '@clustermesh/ebpf';

export interface TcxAttachment {
  readonly path: string;
  readonly pinDir: string;
  readonly maxEntries: Readonly<Record<string, number>>;
  /** Numbers, or bytes. */
  readonly rodata: Readonly<Record<string, number | number[]>>;
  readonly program: string;
  readonly ifindex: number;
  readonly pinPath: string;
}

for (const attachment of JSON.parse(argv[2] ?? '[]') as TcxAttachment[]) {
  const rodata: Record<string, number | Uint8Array> = {};
  for (const [name, value] of Object.entries(attachment.rodata)) {
    rodata[name] = typeof value === 'number' ? value : Uint8Array.from(value);
  }
  using loaded = loadObject({ ...attachment, rodata });
  const { ifindex, pinPath } = attachment;
  attachTcx({ program: loaded.program(attachment.program), ifindex, direction: 'ingress', pinPath });
}
