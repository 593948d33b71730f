/** With more nodes than this rate reaches within the interval, each of them is asked less often. */
const maxProbesPerSecond = 1_000;
/** Waking up costs more than asking: in big meshes some nodes are asked at once. */
const minPauseMs = 20;

/** How a round over all nodes is spread over time: `batch` probes, a pause, and so on. */
export interface Pace {
  readonly batch: number;
  readonly pauseMs: number;
}

/** Every node once in `intervalMs`, or as often as the highest rate allows. */
export function paceOf(nodes: number, intervalMs: number): Pace {
  const roundMs = Math.max(intervalMs, (nodes * 1_000) / maxProbesPerSecond);
  const batch = Math.max(1, Math.ceil((nodes * minPauseMs) / roundMs));
  return { batch, pauseMs: (roundMs * batch) / Math.max(1, nodes) };
}
