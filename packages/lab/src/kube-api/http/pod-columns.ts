import type { ContainerStatus, Pod } from '@clustermesh/kube';

interface PodColumn {
  readonly name: string;
  readonly priority?: 0 | 1;
  cell(pod: Pod): unknown;
}

/** As kube-apiserver prints pods. */
export const podColumns: readonly PodColumn[] = [
  {
    name: 'Ready',
    cell: ({ spec, status }) =>
      `${(status?.containerStatuses ?? []).filter(({ ready }) => ready).length}/${spec.containers.length}`,
  },
  { name: 'Status', cell: podState },
  {
    name: 'Restarts',
    cell: ({ status }) => (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
  },
  { name: 'IP', priority: 1, cell: ({ status }) => status?.podIP ?? '<none>' },
  { name: 'Node', priority: 1, cell: ({ spec }) => spec.nodeName ?? '<none>' },
];

/** The phase, unless a container has something worse to tell. */
function podState({ metadata, status = {} }: Pod): string {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  const init = containerStates(status.initContainerStatuses).find((state) => state !== 'Completed');
  if (init !== undefined) return `Init:${init}`;
  const states = containerStates(status.containerStatuses);
  const worst = states.find((state) => state !== 'Completed') ?? states[0];
  return worst ?? status.reason ?? status.phase ?? 'Unknown';
}

/** Of those that do not run. */
function containerStates(statuses: readonly ContainerStatus[] = []): readonly string[] {
  return statuses.map(containerState).filter((state) => state !== undefined);
}

function containerState({ state }: ContainerStatus): string | undefined {
  if (state?.terminated === undefined) return state?.waiting?.reason;
  const { reason, exitCode } = state.terminated;
  return reason ?? (exitCode === 0 ? 'Completed' : `ExitCode:${exitCode}`);
}
