import type { Backend } from './backend.ts';
import type { ClientNode, TrafficRule } from './local-service.ts';
import type { RankedBackend } from './service-affinity.ts';

/** Behind every rank of those that are near: not near, and then those that take no connections. */
const farther = 100;
const last = 200;

/**
 * Those near the client before all others, whichever cluster they are in: service affinity chooses among the near ones
 * (protocol.md §8.6). The others stay behind them, for when the near ones have gone (I4).
 */
export function preferNear(
  ranked: readonly RankedBackend[],
  client: ClientNode & { readonly rule: TrafficRule },
): readonly RankedBackend[] {
  const active = ranked.filter(({ backend }) => backend.state === 'active').map(({ backend }) => backend);
  const isNear = nearness(active, client);
  if (isNear === undefined) return ranked;
  const distance = ({ backend }: RankedBackend): number => {
    if (backend.state !== 'active') return last;
    return isNear(backend) ? 0 : farther;
  };
  return ranked
    .map((one) => ({ ...one, rank: one.rank + distance(one) }))
    .sort((left, right) => left.rank - right.rank);
}

/**
 * Which are near; `undefined`: none is, or nobody knows. Hints count only where every backend has one, as Kubernetes
 * asks for: else a zone that is only half known would get all the traffic.
 */
function nearness(
  active: readonly Backend[],
  { rule, name, zone }: ClientNode & { readonly rule: TrafficRule },
): ((backend: Backend) => boolean) | undefined {
  if (rule === 'same-node') {
    const isHere = ({ nodeName }: Backend): boolean => nodeName === name;
    return active.some(isHere) ? isHere : undefined;
  }
  if (rule !== 'same-zone' || zone === '') return undefined;
  const isHinted = active.every(({ forZones }) => forZones.length > 0);
  const isForZone = ({ forZones }: Backend): boolean => forZones.includes(zone);
  return isHinted && active.some(isForZone) ? isForZone : undefined;
}
