import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exchangePaths, mountBpffs, pinnedKind, preparePinDirectory, unmountBpffs } from './bpffs.ts';
import { KernelMap } from './kernel-map.ts';
import { probeKernel } from './probe.ts';

const probe = probeKernel();
const suite = probe.usable ? describe : describe.skip;

suite(`a bpffs (missing here: ${probe.missing.join(', ') || 'nothing'})`, () => {
  let path: string;

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'clustermesh-bpffs-'));
    mountBpffs(path);
  });
  afterEach(() => {
    unmountBpffs(path);
    rmSync(path, { recursive: true });
  });

  function pinMap(folder: string, name: string): string {
    const map = KernelMap.create(name, { type: 'hash', keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 });
    const pin = join(preparePinDirectory(join(path, folder)), name);
    map.pin(pin);
    map.close();
    return pin;
  }

  it('tells what a pin is of', () => {
    expect(pinnedKind(pinMap('maps', 'svc'))).toBe('map');
    mkdirSync(join(path, 'maps', 'folder'));
    expect(pinnedKind(join(path, 'maps', 'folder'))).toBeUndefined();
    expect(pinnedKind(join(path, 'maps', 'none'))).toBeUndefined();
  });

  it('exchanges two folders of pins', () => {
    pinMap('maps', 'old');
    pinMap('maps_next', 'new');
    exchangePaths(join(path, 'maps'), join(path, 'maps_next'));
    expect(readdirSync(join(path, 'maps'))).toEqual(['new']);
    expect(readdirSync(join(path, 'maps_next'))).toEqual(['old']);
  });

  it('refuses to exchange what is not there', () => {
    pinMap('maps', 'old');
    expect(() => exchangePaths(join(path, 'maps'), join(path, 'none'))).toThrow(/exchange .*maps and .*none/);
    expect(readdirSync(join(path, 'maps'))).toEqual(['old']);
  });
});
