import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadPackageDefinition, status as grpcStatus } from '@grpc/grpc-js';
import type {
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
  sendUnaryData,
} from '@grpc/grpc-js';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { describeError, isMeshError } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';

import type { ExplainRequest } from '../flows/explain/explain-flow.ts';
import type { FlowExplanation } from '../flows/explain/explanation.ts';
import type { FlowEvent } from '../flows/flow.ts';
import type { FlowsRequest } from '../flows/flows.ts';
import type { AgentStatus } from './agent-status.ts';
import type { Listings, ServiceFilter } from './listings.ts';

/** Where everything that the service tells comes from. */
export interface StatusSource {
  status(): AgentStatus;
  readonly listings: Pick<Listings, 'services' | 'backends' | 'ipcache' | 'nodes' | 'identities' | 'policies'>;
  /** At the reader's pace, until abort. */
  flows(request: FlowsRequest, signal: AbortSignal): AsyncIterable<FlowEvent>;
  explain(request: ExplainRequest, signal: AbortSignal): Promise<Result<FlowExplanation>>;
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
    listPolicies: streamed(() => listings.policies()),
    listIdentities: streamed<ClusterFilter>(({ cluster }) => listings.identities(cluster)),
    getFlows: followed<FlowsRequest>((request, signal) => source.flows(request, signal)),
    explainFlow: asked<ExplainRequest, FlowExplanation>((request, signal) => source.explain(request, signal)),
  };
}

/** What cannot be answered is told as such: the question was wrong, or something here failed. */
function asked<Q, A>(answer: (question: Q, signal: AbortSignal) => Promise<Result<A>>) {
  return (call: ServerUnaryCall<Q, A>, reply: sendUnaryData<A>): void => {
    const refuse = (code: grpcStatus, details: string): void => reply({ code, details });
    answer(call.request, signalOf(call)).then(
      (result) => (result.ok ? reply(null, result.value) : refuse(grpcStatus.INVALID_ARGUMENT, result.reason)),
      (error: unknown) => refuse(failureOf(error), describeError(error)),
    );
  };
}

/** One message an event, for as long as the reader stays. What it is too slow for, the source keeps or gives up. */
function followed<Q>(follow: (question: Q, signal: AbortSignal) => AsyncIterable<unknown>) {
  return (call: ServerWritableStream<Q, unknown>): void => {
    const signal = signalOf(call);
    const pump = async (): Promise<void> => {
      for await (const event of follow(call.request, signal)) {
        if (!call.write(event)) await once(call, 'drain', { signal });
      }
      call.end();
    };
    pump().catch((error: unknown) => {
      if (!call.cancelled) call.emit('error', { code: failureOf(error), details: describeError(error) });
    });
  };
}

/** What is said in our own words is for the reader; the rest is a fault. */
function failureOf(error: unknown): grpcStatus {
  return isMeshError(error) ? grpcStatus.FAILED_PRECONDITION : grpcStatus.INTERNAL;
}

function signalOf<Q, A>(call: ServerUnaryCall<Q, A> | ServerWritableStream<Q, A>): AbortSignal {
  const gone = new AbortController();
  call.once('cancelled', () => gone.abort());
  return gone.signal;
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
