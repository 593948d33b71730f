import type { KubeObject, ListWatchOptions, Resource } from '@clustermesh/kube';
import type { MeshNode } from '@clustermesh/wire';

import type { LocalCluster } from '../map/local-cluster.ts';
import type { KindSink } from '../publish/kind-publisher.ts';
import { follow } from './source.ts';
import type { Source, SourceDeps } from './source.ts';

export interface NodeSourceDeps<T extends KubeObject> extends SourceDeps {
  readonly cluster: LocalCluster;
  readonly sink: KindSink<MeshNode>;
  readonly resource: Resource<T>;
  readonly convert: (object: T, cluster: LocalCluster) => MeshNode;
  readonly options?: ListWatchOptions<T>;
}

/** Nodes as they are, one object a node. */
export class NodeSource<T extends KubeObject> implements Source {
  readonly #deps: NodeSourceDeps<T>;

  constructor(deps: NodeSourceDeps<T>) {
    this.#deps = deps;
  }

  run(signal: AbortSignal): Promise<void> {
    const { cluster, sink, resource, convert, options = {} } = this.#deps;
    const observer = {
      upserted: (object: T) => sink.upsert(object.metadata.name, convert(object, cluster)),
      deleted: (object: T) => sink.delete(object.metadata.name),
      synced: () => sink.synced(),
    };
    return follow(resource, observer, { ...this.#deps, options }, signal);
  }
}
