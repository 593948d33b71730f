import { join } from 'node:path';
import type { PinnedHook } from '@clustermesh/ebpf';

import { podHooks } from './hooks.ts';
import type { PodHook } from './hooks.ts';
import { pinsOf } from './pins.ts';
import type { Pins } from './pins.ts';

/** A hook of a pod's interface; its pin tells what an earlier process attached where. */
export interface PodPin extends PinnedHook {
  readonly hook: PodHook;
}

/** All hooks of one pod's interface. */
export function podPinsAt(pins: Pins, ifindex: number): readonly PodPin[] {
  return podHooks.map((hook) => podPin(pins, hook, ifindex));
}

/** Where programs of ours were attached to pods. */
export function podPins(pins: Pins): readonly PodPin[] {
  return pinsOf(pins.links).flatMap((name) => parsePodPin(pins, name) ?? []);
}

/** What is pinned, but neither a pod's nor in `known`. */
export function otherLinks(pins: Pins, known: ReadonlySet<string>): readonly string[] {
  return pinsOf(pins.links).filter((name) => parsePodPin(pins, name) === undefined && !known.has(name));
}

function podPin({ links }: Pins, hook: PodHook, ifindex: number): PodPin {
  return { hook, ifindex, direction: hook.direction, pinPath: join(links, `${hook.link}_${ifindex}`) };
}

function parsePodPin(pins: Pins, name: string): PodPin | undefined {
  const [, link, ifindex] = /^(.+)_(\d+)$/.exec(name) ?? [];
  const hook = podHooks.find((row) => row.link === link);
  return hook && podPin(pins, hook, Number(ifindex));
}
