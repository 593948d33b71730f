import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { MeshError } from '@clustermesh/runtime';

import { mayBePods } from './pod-like.ts';
import type { NameRule } from './pod-like.ts';

export interface LinkObserver {
  /** An interface that may be a pod's has appeared or changed: by ifindex. */
  podLink(ifindex: number): void;
  /** Links, addresses or routes are not as they were, or it is not known whether they are. */
  changed(): void;
}

/**
 * Follows the kernel's events (`ip monitor`) until abort. Throws when they end: what happened meanwhile is told by
 * nobody, so that the next call begins with a change.
 */
export async function followLinks(observer: LinkObserver, isPodName: NameRule, signal: AbortSignal): Promise<void> {
  const events = spawn('ip', ['-d', '-o', 'monitor', 'link', 'address', 'route'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = (): void => void events.kill();
  signal.addEventListener('abort', end, { once: true });
  try {
    const lines = createInterface({ input: events.stdout });
    lines.on('line', (line) => {
      const ifindex = podLinkIn(line, isPodName);
      if (ifindex !== undefined) observer.podLink(ifindex);
      observer.changed();
    });
    // It says so when events came faster than it read them.
    events.stderr.on('data', () => observer.changed());
    events.once('spawn', () => observer.changed());
    await once(events, 'close');
  } catch (cause) {
    throw new MeshError('COMMAND_FAILED', 'run ip monitor', { cause, retryable: true });
  } finally {
    signal.removeEventListener('abort', end);
    events.kill();
  }
  if (!signal.aborted) throw new MeshError('COMMAND_FAILED', 'follow links: ip monitor ended', { retryable: true });
}

/** From a line such as `7: cali5@if2: <BROADCAST,…> mtu 1450 … link-netnsid 3 … \    veth …`. */
export function podLinkIn(line: string, isPodName: NameRule): number | undefined {
  const [, ifindex, ifname = ''] = /^(\d+): ([^\s@:]+)(?:@\S+)?: </.exec(line) ?? [];
  const [, master] = / master (\S+)/.exec(line) ?? [];
  if (ifindex === undefined || !/ link-netns(?:id)? /.test(line) || !/\\ +veth\b/.test(line)) return undefined;
  return mayBePods({ ifname, master }, isPodName) ? Number(ifindex) : undefined;
}
