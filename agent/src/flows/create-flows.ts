import type { Clock, Health, Logger, Random, Result } from '@clustermesh/runtime';
import type { ClusterName } from '@clustermesh/wire';

import type { Published } from '../ingest/cluster-feed.ts';
import type { DatapathMaps } from '../maps/datapath-maps.ts';
import type { NodeProbe } from '../probe/node-probe.ts';
import type { AgentSettings } from '../settings.ts';
import type { Listings } from '../status/listings.ts';
import type { EndpointTable } from '../tables/endpoint-table.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import { AddressFacts } from './explain/address-facts.ts';
import { explainFlow } from './explain/explain-flow.ts';
import type { ExplainRequest } from './explain/explain-flow.ts';
import type { FlowExplanation } from './explain/explanation.ts';
import { Flows } from './flows.ts';
import type { FlowSource } from './flows.ts';
import { Parties } from './party.ts';
import { PodNames } from './pod-names.ts';
import type { PolicyView } from './policy-view.ts';

export interface FlowTellingDeps {
  readonly config: Pick<AgentSettings, 'clusterName' | 'clusterId' | 'nodeName' | 'maxConnectedClusters'>;
  /** Absent: there are no programs. */
  readonly source: FlowSource | undefined;
  readonly policy: PolicyView;
  readonly maps: DatapathMaps;
  readonly state: MeshState;
  readonly endpoints: Pick<EndpointTable, 'rows'>;
  readonly listings: Pick<Listings, 'entryOf'>;
  readonly nodeProbe: Pick<NodeProbe, 'reports'>;
  readonly nameOfCluster: (clusterId: number) => ClusterName | '';
  /** Of our own cluster too. */
  readonly published: (cluster: string) => Published | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
}

/** All that tells people of flows. */
export interface FlowTelling {
  readonly flows: Flows;
  explain(request: ExplainRequest, signal: AbortSignal): Promise<Result<FlowExplanation>>;
}

export function createFlowTelling(deps: FlowTellingDeps): FlowTelling {
  const { config, state, maps, policy, clock, published } = deps;
  const local = { id: config.clusterId, maxConnectedClusters: config.maxConnectedClusters };
  const names = new PodNames(deps);
  const ownerOf = (address: Uint8Array): number | undefined => state.nodes.owner(address);
  const parties = new Parties({ ...deps, ipcache: state.ipcache, ownerOf, names, local });
  const facts = new AddressFacts({
    ...deps,
    entryOf: (address) => deps.listings.entryOf(address),
    localClusterId: config.clusterId,
  });
  const find = { endpoints: deps.endpoints, published, localCluster: config.clusterName, clock };
  const explaining = { policy, maps, facts, parties, names, find, cluster: config.clusterName, node: config.nodeName };
  return {
    flows: new Flows({ ...deps, parties, names }),
    explain: (request, signal) => explainFlow(request, explaining, signal),
  };
}
