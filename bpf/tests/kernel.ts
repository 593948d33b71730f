import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';
import { mountBpffs, probeKernel, unmountBpffs } from '@clustermesh/ebpf';

/** `describe` where the kernel can be used; elsewhere skipped, with what is missing in the name. */
export function describeKernel(name: string, body: () => void): void {
  const { usable, missing } = probeKernel();
  if (usable) describe(name, body);
  else describe.skip(`${name} (needs ${missing.join(', ')})`, body);
}

/** A bpffs of its own; unmounted, with all that is pinned there, at the end of `using`. */
export function testBpffs(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'clustermesh-bpf-'));
  mountBpffs(path);
  return {
    path,
    [Symbol.dispose]: () => {
      unmountBpffs(path);
      rmdirSync(path);
    },
  };
}

/** Where a test object lies; its source is beside this file. */
export function testObject(name: 'service_select' | 'overlay' | 'container' | 'cni' | 'rejected'): string {
  return fileURLToPath(new URL(`prebuilt/${name}.o`, import.meta.url));
}

/** Room enough for tests. */
export const smallMaps = {
  svc: 64,
  slot: 256,
  backend: 64,
  node: 16,
  node_ip: 16,
  probe: 16,
  ipc_host: 64,
  ipc_cidr: 64,
  ep_ip: 16,
  ep_if: 16,
  aff: 64,
  rev_udp: 64,
  policy: 1024,
  policy_len: 256,
  ct: 4096,
  frag: 1024,
} as const;
