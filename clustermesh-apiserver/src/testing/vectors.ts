import { readFileSync } from 'node:fs';

const folder = new URL('../../../packages/wire/testdata/vectors/', import.meta.url);

/** The bytes of a golden value, as Cilium's own code marshals it: `service-dual-stack.value`, `eps-spec-sample.pb`. */
export function vector(name: string): Buffer {
  return readFileSync(new URL(name, folder));
}
