import { renderTable } from '../render/table.ts';
import type { MeshStatus, RemoteStatus, Replicas } from './mesh-status.ts';

/** The summary: components, a line per remote cluster, and below it what is wrong with whom. */
export function renderMeshStatus(status: MeshStatus): string {
  const { clusters, problems, notices } = status;
  const table =
    clusters.length === 0
      ? 'no remote cluster: clustermesh connect --destination-context …'
      : renderTable(
          ['cluster', 'id', 'state', 'age', 'datapath', 'nodes', 'endpoints', 'identities', 'services'],
          clusters.map(row),
        );
  const errors = clusters.flatMap(({ name, error, notes = [] }) =>
    [...(error === undefined ? [] : [error]), ...notes].map((line) => `${name}: ${line}`),
  );
  return [headline(status), '', table, ...section(errors), ...section(problems), ...section(notices)].join('\n');
}

function headline({ cluster, apiserver, agents, policy, cache }: MeshStatus): string {
  return [
    `cluster ${cluster.name} (id ${cluster.id})`,
    `apiserver ${replicas(apiserver)}`,
    `agents ${replicas(agents)}`,
    ...(cache === undefined ? [] : [`cache ${cache.store} ${cache.address}`]),
    ...(policy === undefined ? [] : [`policies ${policy.policies} (scope ${policy.scopes.join(', ')})`]),
  ].join('   ');
}

function row({
  name,
  id,
  state,
  age,
  datapath = '',
  nodes,
  endpoints,
  identities,
  services,
}: RemoteStatus): readonly string[] {
  const counts = [nodes, endpoints, identities, services].map(String);
  // Age matters when contact is lost; while it is kept, it is a few seconds for everyone.
  const isLost = state === 'stale' || datapath === 'stale' || datapath === 'withdrawn';
  const shownAge = isLost ? (age ?? '-') : '-';
  return [name, id === undefined ? '-' : String(id), state, shownAge, datapath === '' ? '-' : datapath, ...counts];
}

function replicas({ ready, wanted }: Replicas): string {
  return `${ready}/${wanted}${ready < wanted ? ' NOT READY' : ''}`;
}

function section(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}
