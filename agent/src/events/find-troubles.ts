import type { Pacer } from '../ingest/pacer.ts';
import type { AgentStatus, ClusterStatus, Conflict } from '../status/agent-status.ts';
import { refusedRules } from '../status/policy-status.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import { policyKey } from '../tables/policy-table.ts';
import type { PolicyRow } from '../tables/policy-table.ts';
import { tellerOf } from './tellers.ts';
import type { Trouble } from './trouble.ts';
import { whyNoRemoteBackends } from './why-no-remote-backends.ts';

/** Services looked at without a pause. */
const servicesAtOnce = 256;

/** All that this node should tell of, as things are now. */
export async function findTroubles(
  state: MeshState,
  policies: Iterable<PolicyRow>,
  status: AgentStatus,
  pacer: Pick<Pacer, 'pause'>,
): Promise<readonly Trouble[]> {
  const isOurs = tellerOf(status.node, [...state.nodes.localNames()].sort());
  const ofServices: Trouble[] = [];
  let count = 0;
  for (const name of state.services.localNames()) {
    if (isOurs(name)) ofServices.push(...serviceTroubles(name, state, status));
    if (++count % servicesAtOnce === 0) await pacer.pause();
  }
  return [
    ...ofServices,
    ...status.clusters
      .filter(({ name }) => isOurs(name))
      .flatMap((cluster) => [...clusterTroubles(cluster, status.conflicts)]),
    ...status.datapath.problems.map((message) => nodeTrouble('DatapathIncomplete', message)),
    ...[...policies].filter(({ ref }) => isOurs(policyKey(ref))).flatMap((row) => [...policyTroubles(row)]),
  ];
}

function* serviceTroubles(name: string, state: MeshState, status: AgentStatus): Generator<Trouble> {
  const service = state.services.local(name)?.service;
  if (service?.includeExternal !== true) return;
  const message = whyNoRemoteBackends(service, state.services.remote.of(name), status.clusters);
  if (message === undefined) return;
  // With backends at home nobody notices: worth a remark, no warning.
  const hasLocal = service.slices.some(({ endpoints }) => (endpoints ?? []).length > 0);
  const about = { kind: 'Service', namespace: service.namespace, name: service.name } as const;
  yield { about, reason: 'NoRemoteBackends', message, type: hasLocal ? 'Normal' : 'Warning' };
}

function* clusterTroubles(
  { name, state, reason, rejectedNow, rejectionReasons }: ClusterStatus,
  conflicts: readonly Conflict[],
): Generator<Trouble> {
  if (state === 'refused') yield nodeTrouble('RemoteClusterRefused', `cluster ${name}: ${reason}`);
  if (state === 'stale') yield nodeTrouble('RemoteClusterStale', `cluster ${name}: ${reason}`);
  // Counts and examples change all the time; an Event whose words change is another Event.
  if (conflicts.some(({ cluster }) => cluster === name)) {
    yield nodeTrouble(
      'ClusterConflict',
      `cluster ${name} claims what another cluster holds: clustermesh status says what`,
    );
  }
  const [first] = rejectionReasons;
  if (rejectedNow > 0 && first !== undefined) {
    yield nodeTrouble('RemoteEntriesRejected', `cluster ${name}: ${first.key}: ${first.reason}`);
  }
}

/** One for each rule, all with words of their own. */
function* policyTroubles(row: PolicyRow): Generator<Trouble> {
  const about = { ...row.ref, uid: row.uid };
  for (const { at, message } of refusedRules([row])) {
    yield { about, reason: 'PolicyRuleRefused', message: `${at}: ${message}`, type: 'Warning', isCertain: true };
  }
}

function nodeTrouble(reason: string, message: string): Trouble {
  return { about: { kind: 'Node' }, reason, message, type: 'Warning' };
}
