import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadPackageDefinition } from '@grpc/grpc-js';
import type {
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
  sendUnaryData,
} from '@grpc/grpc-js';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import type { AgentStatus } from './agent-status.ts';
import type { Listings, ServiceFilter } from './listings.ts';

/** Where everything that the service tells comes from. */
export interface StatusSource {
  status(): AgentStatus;
  readonly listings: Pick<Listings, keyof Listings>;
}

interface ClusterFilter {
  readonly cluster: string;
}

/** clustermesh.v1.Status as wire's proto file describes it. */
export function statusServiceDefinition(): ServiceDefinition {
  const wire = createRequire(import.meta.url).resolve('@clustermesh/wire/package.json');
  const definition = loadSync('clustermesh/v1/status.proto', {
    includeDirs: [join(dirname(wire), 'proto')],
    longs: Number,
    defaults: true,
  });
  const { clustermesh } = loadPackageDefinition(definition) as unknown as {
    readonly clustermesh: { readonly v1: { readonly Status: { readonly service: ServiceDefinition } } };
  };
  return clustermesh.v1.Status.service;
}

export function statusImplementation(source: StatusSource): UntypedServiceImplementation {
  const { listings } = source;
  return {
    getStatus: (_call: ServerUnaryCall<unknown, AgentStatus>, reply: sendUnaryData<AgentStatus>) =>
      reply(null, source.status()),
    listClusters: streamed(() => source.status().clusters),
    listServices: streamed<ServiceFilter>((filter) => listings.services(filter)),
    listBackends: streamed<ServiceFilter>((filter) => listings.backends(filter)),
    listIpcache: streamed<ClusterFilter>(({ cluster }) => listings.ipcache(cluster)),
    listNodes: streamed<ClusterFilter>(({ cluster }) => listings.nodes(cluster)),
    listIdentities: streamed<ClusterFilter>(({ cluster }) => listings.identities(cluster)),
  };
}

/** One message an entry, at the reader's pace: a list of millions is never held twice. */
function streamed<F>(list: (filter: F) => Iterable<unknown>) {
  return (call: ServerWritableStream<F, unknown>): void => {
    const entries = list(call.request)[Symbol.iterator]();
    const pump = (): void => {
      for (let next = entries.next(); !call.cancelled; next = entries.next()) {
        if (next.done === true) {
          call.end();
          return;
        }
        if (!call.write(next.value)) {
          call.once('drain', pump);
          return;
        }
      }
    };
    pump();
  };
}
