import {
  attachCgroup,
  loadObject,
  networkNamespaceCookie,
  type CgroupAttachType,
  type LoadedObject,
} from '@clustermesh/ebpf';
import { objectPath } from '@clustermesh/bpf';
import { testCgroup } from './cgroup.ts';
import { countOf, direction } from './counters.ts';
import { smallMaps, testBpffs } from './kernel.ts';
import { backend, service, serviceKey, slot, tcp, u32, udp } from './records.ts';
import { SocketClient } from './socket-client.ts';

const hooks: readonly CgroupAttachType[] = [
  ...(['connect4', 'connect6', 'sendmsg4', 'sendmsg6'] as const),
  ...(['recvmsg4', 'recvmsg6', 'getpeername4', 'getpeername6'] as const),
];

export const protocols = { tcp, udp } as const;

export interface SocketBackend {
  readonly id: number;
  readonly ip: string;
  readonly port: number;
}

export interface SocketService {
  readonly ip: string;
  readonly port: number;
  readonly proto: keyof typeof protocols;
  readonly id: number;
  readonly affinityTimeoutS?: number;
  /** The first and the number of the backends of this cluster. */
  readonly home?: readonly [number, number];
}

/** A cgroup with every socket program attached, and a client in it: in our network namespace, so a host process. */
export class SocketNode implements AsyncDisposable {
  readonly pinDir: string;
  readonly client: SocketClient;
  readonly #made = new AsyncDisposableStack();
  readonly #sock: LoadedObject;
  readonly #cgroup: string;
  #slots = 0;

  constructor() {
    const bpffs = this.#made.use(testBpffs()).path;
    this.pinDir = `${bpffs}/maps`;
    this.#cgroup = this.#made.use(testCgroup()).path;
    const rodata = { host_netns_cookie: Number(networkNamespaceCookie()) };
    this.#sock = this.#made.use(
      loadObject({ path: objectPath('mesh_sock'), pinDir: this.pinDir, maxEntries: smallMaps, rodata }),
    );
    for (const attachType of hooks) {
      const program = this.#sock.program(`mesh_${attachType}`);
      attachCgroup({ program, cgroupPath: this.#cgroup, attachType, pinPath: `${bpffs}/links/${attachType}` });
    }
    this.client = this.newClient();
  }

  /** Ends with the node. */
  newClient(): SocketClient {
    return this.#made.use(new SocketClient(this.#cgroup));
  }

  /** Programs a service: the slots of a fresh extent, then the one update that counts. */
  serve(to: SocketService, backends: readonly SocketBackend[]): void {
    const base = this.#slots;
    this.#slots = (this.#slots + backends.length) % (smallMaps.slot / 2);
    for (const [index, { id, ip, port }] of backends.entries()) {
      const proto = protocols[to.proto];
      this.#sock.map('backend').update(u32(id), backend({ ip, port, svcId: to.id, proto }));
      this.#sock.map('slot').update(u32(base + index), slot(id, to.id));
    }
    const key = serviceKey({ ip: to.ip, port: to.port, proto: protocols[to.proto] });
    this.#sock.map('svc').update(key, service(to.id, base, backends.length, to));
  }

  /** The backend's record changes hands; `terminating`: it has a drain before it. */
  setBackend(
    to: SocketService,
    { id, ip, port }: SocketBackend,
    change: { state?: number; generation?: number },
  ): void {
    this.#sock.map('backend').update(u32(id), backend({ ip, port, svcId: to.id, ...change }));
  }

  count(reason: number): number {
    return countOf(this.#sock.map('metrics'), reason, direction.socket);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#made.disposeAsync();
  }
}
