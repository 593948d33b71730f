import { namespaceOf, neighbourOf, nodeIp, podKind, podOf, size, uid } from './cluster-objects.ts';
import type { PodState } from './cluster-objects.ts';

/**
 * The changes of the load. Pods take turns, each with a life of its own: created, gets its address, becomes ready, is given
 * other labels, becomes unready, is deleted; then the next one takes its place. Which change it is follows from its number.
 */
export interface PodChange {
  readonly event: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly uid: string;
  readonly pod: PodState;
  /** What the store must hear of it, if anything. */
  readonly effect: 'put' | 'delete' | undefined;
}

/** Two seconds between two changes of a pod. */
export const lanes = 1_000;
const steps = ['created', 'address', 'ready', 'labels', 'unready', 'deleted'] as const;

/** Lanes begin one after the other, so that all steps are there at any time; until then a pod of the start is touched. */
export function changeAt(sequence: number): PodChange {
  const lane = sequence % lanes;
  const age = Math.floor(sequence / lanes) - (lane % steps.length);
  if (age < 0) return { event: 'MODIFIED', uid: uid(podKind, lane), pod: podOf(lane), effect: undefined };
  const life = Math.floor(age / steps.length) * lanes + lane;
  const step = steps[age % steps.length];
  const labelSet = lane % size.labelSets;
  const ip = addressOf(life);
  const born = {
    name: `app-${labelSet}-5d4c7-${life.toString(36)}`,
    labelSet,
    node: lane % size.nodes,
    isReady: false,
  };
  const id = uid(newPodKind, life);
  const moved = { ...born, labelSet: neighbourOf(labelSet), ip };
  switch (step) {
    case 'created':
      return { event: 'ADDED', uid: id, pod: { ...born, ip: '' }, effect: undefined };
    case 'address':
      return { event: 'MODIFIED', uid: id, pod: { ...born, ip }, effect: 'put' };
    case 'ready':
      return { event: 'MODIFIED', uid: id, pod: { ...born, ip, isReady: true }, effect: undefined };
    case 'labels':
      return { event: 'MODIFIED', uid: id, pod: { ...moved, isReady: true }, effect: 'put' };
    case 'unready':
      return { event: 'MODIFIED', uid: id, pod: moved, effect: undefined };
    default:
      return { event: 'DELETED', uid: id, pod: moved, effect: 'delete' };
  }
}

const newPodKind = 9;

/** Of a pod that came after the start; no two lives share one. */
function addressOf(life: number): string {
  return `10.${128 + (life >> 16)}.${(life >> 8) & 255}.${life & 255}`;
}

/** What the mesh must know of a pod, as it is on the wire; its identity by the labels that are particular to it. */
export interface ExpectedAddress {
  readonly ip: string;
  readonly namespace: string;
  readonly name: string;
  readonly labelSet: number;
  readonly hostIp: string;
}

/** What must be there after so many changes. */
export function* addressesAfter(changes: number): Generator<ExpectedAddress> {
  for (let index = 0; index < size.pods; index++) yield expected(podOf(index));
  for (let lane = 0; lane < lanes; lane++) {
    const last = lastOf(lane, changes);
    const isNew = last !== undefined && last.uid !== uid(podKind, lane);
    if (isNew && last.pod.ip !== '' && last.event !== 'DELETED') yield expected(last.pod);
  }
}

/** The newest change of a lane among the first `changes`. */
function lastOf(lane: number, changes: number): PodChange | undefined {
  const passes = Math.ceil((changes - lane) / lanes);
  return passes <= 0 ? undefined : changeAt((passes - 1) * lanes + lane);
}

function expected({ ip, name, labelSet, node }: PodState): ExpectedAddress {
  return { ip, name, labelSet, namespace: namespaceOf(labelSet), hostIp: nodeIp(node) };
}
