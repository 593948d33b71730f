import { fileURLToPath } from 'node:url';
import type { Client, MethodDefinition, ServiceClientConstructor } from '@grpc/grpc-js';
import { MeshError, systemClock } from '@clustermesh/runtime';

/** The streaming methods of the agent's status API (packages/wire/proto/clustermesh/v1/status.proto). */
export type AgentList =
  'ListClusters' | 'ListServices' | 'ListBackends' | 'ListIpcache' | 'ListNodes' | 'ListIdentities' | 'ListPolicies';

/** Nothing an agent lists takes longer; a socket nobody answers on must not hang a terminal. */
const deadlineMs = 30_000;
const grpcInvalidArgument = 3;
const grpcFailedPrecondition = 9;
const grpcUnimplemented = 12;
const grpcUnavailable = 14;

/** Reads one list from the agent behind a unix socket. Rows have the field names of the proto file. */
export async function listFromSocket(socket: string, method: AgentList, request: object): Promise<readonly unknown[]> {
  const deadline = systemClock.now() + deadlineMs;
  return Array.fromAsync(streamFromSocket(socket, method, request, { deadline }));
}

/** What the agent tells, for as long as it does, or until abort. */
export async function* streamFromSocket(
  socket: string,
  method: AgentList | 'GetFlows',
  request: object,
  { deadline, signal }: { readonly deadline?: number; readonly signal?: AbortSignal },
): AsyncGenerator {
  const client = await openClient(socket);
  const { path, requestSerialize, responseDeserialize } = methodOf(client.service, method);
  const options = deadline === undefined ? {} : { deadline };
  const call = client.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, options);
  // Whoever reads is told; what comes after the last read, as of a call that is cancelled, concerns nobody.
  call.on('error', () => undefined);
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    if (signal?.aborted === true) return;
    yield* call;
  } catch (error) {
    if (signal?.aborted !== true) throw explainFailure(socket, error);
  } finally {
    signal?.removeEventListener('abort', cancel);
    call.cancel();
    client.client.close();
  }
}

/** One question, one answer. */
export async function askSocket(socket: string, method: 'ExplainFlow', request: object): Promise<unknown> {
  const { client, service } = await openClient(socket);
  const { path, requestSerialize, responseDeserialize } = methodOf(service, method);
  const options = { deadline: systemClock.now() + deadlineMs };
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, (error, answer) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
  } catch (error) {
    throw explainFailure(socket, error);
  } finally {
    client.close();
  }
}

async function openClient(socket: string): Promise<{ client: Client; service: ServiceClientConstructor['service'] }> {
  const { credentials } = await import('@grpc/grpc-js');
  const StatusClient = await loadStatusClient();
  return { client: new StatusClient(`unix://${socket}`, credentials.createInsecure()), service: StatusClient.service };
}

function explainFailure(socket: string, error: unknown): MeshError {
  // gRPC's own words for it are three lines long and name no remedy.
  if (hasGrpcCode(error, grpcUnavailable)) {
    return new MeshError('COMMAND_FAILED', `no agent answers at ${socket}: is it running here, and are you root?`, {
      retryable: true,
    });
  }
  if (hasGrpcCode(error, grpcUnimplemented)) {
    return new MeshError('COMMAND_FAILED', `the agent at ${socket} is of an older version, which cannot tell that`);
  }
  // What it says itself of a question that it does not take, or cannot answer.
  if (hasGrpcCode(error, grpcInvalidArgument, grpcFailedPrecondition)) {
    return new MeshError('COMMAND_FAILED', error.details);
  }
  return new MeshError('COMMAND_FAILED', `ask the agent at ${socket}`, { cause: error, retryable: true });
}

function hasGrpcCode(error: unknown, ...codes: readonly number[]): error is { readonly details: string } {
  return typeof error === 'object' && error !== null && 'code' in error && codes.includes(error.code as number);
}

function methodOf(service: ServiceClientConstructor['service'], name: string): MethodOfStatus {
  const method = service[name] as MethodOfStatus | undefined;
  if (method === undefined) throw new MeshError('INTERNAL', `status.proto has no ${name}`);
  return method;
}

type MethodOfStatus = MethodDefinition<object, unknown>;

/** The client of the proto file; its `service` is what a server of it implements. */
export async function loadStatusClient(): Promise<ServiceClientConstructor> {
  const [{ load }, { loadPackageDefinition }] = await Promise.all([
    import('@grpc/proto-loader'),
    import('@grpc/grpc-js'),
  ]);
  const proto = fileURLToPath(
    new URL('proto/clustermesh/v1/status.proto', import.meta.resolve('@clustermesh/wire/package.json')),
  );
  const definition = await load(proto, { keepCase: true, longs: Number, defaults: true });
  const { clustermesh } = loadPackageDefinition(definition) as unknown as {
    clustermesh: { v1: { Status: ServiceClientConstructor } };
  };
  return clustermesh.v1.Status;
}
