import { leadsElsewhere } from './network-tables.ts';
import type { Link, NetworkTables, Route } from './network-tables.ts';

/** Does an interface of this name belong to a pod? */
export type NameRule = (name: string) => boolean;

/** Of regular expressions; not the asterisk. */
const special = /[\\^$.+?()[\]{}|]/g;

/** From `--pod-interfaces`: names with `*`, between commas. Every name where there are none. */
export function nameRule(patterns: string): NameRule {
  const wanted = patterns
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map((pattern) => new RegExp(`^${pattern.replaceAll(special, String.raw`\$&`).replaceAll('*', '.*')}$`));
  return (name) => wanted.length === 0 || wanted.some((pattern) => pattern.test(name));
}

/** Bridges of Docker: what is behind them are no pods. */
const foreignBridge = /^(?:docker\d+|br-[0-9a-f]{12})$/;

/** What is known of an interface by itself, before anything leads to it. */
export function mayBePods(link: Pick<Link, 'ifname' | 'master'>, isPodName: NameRule): boolean {
  return isPodName(link.ifname) && !foreignBridge.test(link.master ?? '');
}

/**
 * Interfaces that lead to pods, known ones or not: veths into other network namespaces, but those through which this
 * node reaches others. To a pod lead host routes at most; networks and gateways are behind what leads out.
 */
export function podLike({ links, routes }: NetworkTables, isPodName: NameRule): readonly Link[] {
  const waysOut = new Set(routes.filter(leadsOut).map(({ dev }) => dev));
  return links.filter((link) => leadsElsewhere(link) && mayBePods(link, isPodName) && !waysOut.has(link.ifname));
}

function leadsOut({ dst, gateway }: Route): boolean {
  const isOfLink = dst.startsWith('fe80::') || dst.startsWith('ff00::');
  return gateway !== undefined || dst === 'default' || (dst.includes('/') && !isOfLink);
}
