import { fileURLToPath } from 'node:url';
import type { ServiceClientConstructor } from '@grpc/grpc-js';
import { MeshError, systemClock } from '@clustermesh/runtime';

/** The streaming methods of the agent's status API (packages/wire/proto/clustermesh/v1/status.proto). */
export type AgentList =
  'ListClusters' | 'ListServices' | 'ListBackends' | 'ListIpcache' | 'ListNodes' | 'ListIdentities';

/** Nothing an agent lists takes longer; a socket nobody answers on must not hang a terminal. */
const deadlineMs = 30_000;
const grpcUnavailable = 14;

/** Reads one list from the agent behind a unix socket. Rows have the field names of the proto file. */
export async function listFromSocket(socket: string, method: AgentList, request: object): Promise<readonly unknown[]> {
  const { credentials } = await import('@grpc/grpc-js');
  const Client = await loadStatusClient();
  const client = new Client(`unix://${socket}`, credentials.createInsecure());
  try {
    const rows: unknown[] = [];
    const call = client.makeServerStreamRequest(
      `/clustermesh.v1.Status/${method}`,
      (message: object) => methodOf(Client, method).requestSerialize(message),
      (bytes: Buffer) => methodOf(Client, method).responseDeserialize(bytes),
      request,
      { deadline: systemClock.now() + deadlineMs },
    );
    for await (const row of call) rows.push(row);
    return rows;
  } catch (error) {
    // gRPC's own words for it are three lines long and name no remedy.
    if (isUnavailable(error)) {
      throw new MeshError('COMMAND_FAILED', `no agent answers at ${socket}: is it running here, and are you root?`);
    }
    throw new MeshError('COMMAND_FAILED', `ask the agent at ${socket}`, { cause: error });
  } finally {
    client.close();
  }
}

function isUnavailable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === grpcUnavailable;
}

function methodOf(
  client: ServiceClientConstructor,
  name: string,
): { requestSerialize: (message: object) => Buffer; responseDeserialize: (bytes: Buffer) => unknown } {
  const method = client.service[name];
  if (method === undefined) throw new MeshError('INTERNAL', `status.proto has no ${name}`);
  return method;
}

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
