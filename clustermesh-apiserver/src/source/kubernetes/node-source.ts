import { nodes } from '@clustermesh/kube';
import type { MeshNode } from '@clustermesh/wire';

import type { LocalCluster } from '../../map/local-cluster.ts';
import { meshNode } from '../../map/node.ts';
import type { KindSink } from '../../publish/kind-publisher.ts';
import { follow } from '../source.ts';
import type { Source, SourceDeps } from '../source.ts';

export interface NodeSourceDeps extends SourceDeps {
  readonly cluster: LocalCluster;
  readonly sink: KindSink<MeshNode>;
}

/** Nodes as they are. */
export class NodeSource implements Source {
  readonly #deps: NodeSourceDeps;

  constructor(deps: NodeSourceDeps) {
    this.#deps = deps;
  }

  run(signal: AbortSignal): Promise<void> {
    const { cluster, sink } = this.#deps;
    const observer = {
      upserted: (node: Parameters<typeof meshNode>[0]) => sink.upsert(node.metadata.name, meshNode(node, cluster)),
      deleted: (node: Parameters<typeof meshNode>[0]) => sink.delete(node.metadata.name),
      synced: () => sink.synced(),
    };
    return follow(nodes, observer, this.#deps, signal);
  }
}
