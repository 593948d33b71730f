import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { Session } from 'node:inspector/promises';
import type { AddressInfo } from 'node:net';

import type { Clock } from './clock.ts';
import { MeshError, describeError } from './errors.ts';
import type { ServeAddress } from './serve-address.ts';

const defaultSeconds = 30;
const maxSeconds = 600;
/** Between two samples of the heap, bytes: cheap enough for a process that works. */
const heapSampleBytes = 65_536;

/**
 * Profiles of this process where Go programs have theirs: `GET /debug/pprof/profile?seconds=30` is what the processor did,
 * `/debug/pprof/heap?seconds=30` what was allocated. They are V8's (.cpuprofile, .heapprofile), for Chrome's developer tools
 * and editors; Go's pprof does not read them. One at a time.
 */
export class ProfileServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly port: number;
  #isBusy = false;

  private constructor(server: Server, clock: Pick<Clock, 'sleep'>) {
    this.#server = server;
    this.#clock = clock;
    this.port = (server.address() as AddressInfo).port;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async listen({ host, port }: ServeAddress, clock: Pick<Clock, 'sleep'>): Promise<ProfileServer> {
    const server = createServer();
    server.listen({ port, host });
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new MeshError('CONFIG_INVALID', `listen on ${host}:${port} for profiles`, { cause: error });
    }
    return new ProfileServer(server, clock);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const profile = profiles.get(url.pathname);
    const seconds = Number(url.searchParams.get('seconds') ?? defaultSeconds);
    if (profile === undefined || request.method !== 'GET') {
      send(response, 404, `there is ${[...profiles.keys()].join(', ')}: V8’s profiles, not Go’s\n`);
    } else if (!(seconds > 0 && seconds <= maxSeconds)) {
      send(response, 400, `seconds must be above 0 and at most ${maxSeconds}\n`);
    } else if (this.#isBusy) {
      send(response, 503, 'another profile is being taken\n');
    } else {
      await this.#take(profile, seconds * 1_000, response);
    }
  }

  async #take(profile: Profile, ms: number, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const session = new Session();
    this.#isBusy = true;
    try {
      session.connect();
      const taken = await profile(session, () => this.#clock.sleep(ms, gone.signal));
      send(response, 200, JSON.stringify(taken), 'application/json');
    } catch (error) {
      send(response, 500, `${describeError(error)}\n`);
    } finally {
      session.disconnect();
      this.#isBusy = false;
    }
  }
}

type Profile = (session: Session, meanwhile: () => Promise<void>) => Promise<object>;

const profiles: ReadonlyMap<string, Profile> = new Map<string, Profile>([
  [
    '/debug/pprof/profile',
    async (session, meanwhile) => {
      await session.post('Profiler.enable');
      await session.post('Profiler.start');
      await meanwhile();
      return (await session.post('Profiler.stop')).profile;
    },
  ],
  [
    '/debug/pprof/heap',
    async (session, meanwhile) => {
      await session.post('HeapProfiler.startSampling', { samplingInterval: heapSampleBytes });
      await meanwhile();
      return (await session.post('HeapProfiler.stopSampling')).profile;
    },
  ],
]);

function send(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), connection: 'close' });
  response.end(body);
}
