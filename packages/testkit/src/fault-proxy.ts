import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** `up` = client to server, `down` = server to client. */
export type Direction = 'up' | 'down';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

/** A TCP proxy with the faults of a network: put it between a client and a real server. */
export class FaultProxy implements AsyncDisposable {
  readonly #listener: Server;
  readonly #links = new Set<Link>();
  readonly #stranded = new Set<Link>();
  readonly #paused = new Set<Direction>();
  readonly #budget: Record<Direction, number> = { up: Infinity, down: Infinity };
  readonly #passed: Record<Direction, number> = { up: 0, down: 0 };
  #target: number;
  #delayMs = 0;
  #bytesPerSecond = Infinity;
  #refusing = false;
  #onSpent: (() => void) | undefined;
  #accepted = 0;

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.#target = target;
    listener.on('connection', (client) => this.#accept(client));
  }

  /** Listens on an ephemeral loopback port and forwards to `target`, a loopback port. */
  static async listen(target: number): Promise<FaultProxy> {
    const listener = createServer({ pauseOnConnect: true });
    const proxy = new FaultProxy(listener, target);
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Connections accepted so far: tells a reconnect from a connection that never broke. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Bytes passed on so far. */
  passed(direction: Direction): number {
    return this.#passed[direction];
  }

  /** Resets every connection; new ones are accepted. */
  cut(): void {
    for (const { client, server } of this.#links) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#links.clear();
  }

  /** Ends every connection as soon as `bytes` more have passed in that direction; later connections are whole. */
  cutAfter(bytes: number, direction: Direction = 'down'): void {
    this.#budget[direction] = bytes;
  }

  /** The same, and `refuse`; resolves when it has come to that. */
  async refuseAfter(bytes: number, direction: Direction): Promise<void> {
    this.#budget[direction] = bytes;
    const spent = Promise.withResolvers<undefined>();
    this.#onSpent = () => {
      this.#refusing = true;
      spent.resolve(undefined);
    };
    await spent.promise;
  }

  /** Resets what is there and whatever comes, until `resume()`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /** Nothing moves, and nobody is told: a half-open connection. */
  pause(...directions: readonly Direction[]): void {
    for (const direction of directions.length === 0 ? (['up', 'down'] as const) : directions) {
      this.#paused.add(direction);
    }
    this.#applyPauses();
  }

  /** What is there never moves again, and nobody is told; new connections work: a router that forgot its connections. */
  strand(): void {
    for (const link of this.#links) {
      link.client.pause();
      link.server.pause();
      this.#stranded.add(link);
    }
    this.#links.clear();
  }

  /** Everything takes so long to arrive, both ways; nothing is lost, and order is kept. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Each connection passes on so much a second and direction, and takes no more from the sender. */
  trickle(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Ends `refuse`, `pause`, `delay`, `trickle` and a pending `cutAfter`. */
  resume(): void {
    this.#refusing = false;
    this.#delayMs = 0;
    this.#bytesPerSecond = Infinity;
    this.#paused.clear();
    this.#budget.up = this.#budget.down = Infinity;
    this.#applyPauses();
  }

  /** New connections go to another server, as behind a virtual IP. */
  retarget(target: number): void {
    this.#target = target;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    for (const link of this.#stranded) this.#end(link);
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  #accept(client: Socket): void {
    this.#accepted++;
    client.on('error', () => undefined);
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#target, '127.0.0.1');
    const link = { client, server };
    this.#links.add(link);
    this.#forward(link, 'up');
    this.#forward(link, 'down');
    this.#applyPauses();
  }

  #forward(link: Link, direction: Direction): void {
    const [from, to] = ends(link, direction);
    from.setNoDelay(true);
    from.on('data', (bytes: Buffer) => this.#pass(link, bytes, direction));
    from.on('error', () => this.#drop(link));
    from.on('close', () => this.#drop(link));
    to.on('drain', () => {
      if (!this.#paused.has(direction)) from.resume();
    });
  }

  #pass(link: Link, bytes: Buffer, direction: Direction): void {
    const [from, to] = ends(link, direction);
    const part = bytes.subarray(0, this.#budget[direction]);
    this.#budget[direction] -= part.length;
    this.#passed[direction] += part.length;
    if (this.#delayMs > 0) {
      setTimeout(() => void to.write(part), this.#delayMs);
      return;
    }
    const room = to.write(part);
    if (this.#budget[direction] <= 0) this.#spent(link, direction);
    else if (!room) from.pause();
    else if (this.#bytesPerSecond < Infinity) this.#rest(from, direction, part.length);
  }

  #rest(from: Socket, direction: Direction, bytes: number): void {
    from.pause();
    const goOn = (): void => toggle(from, this.#paused.has(direction));
    setTimeout(goOn, (bytes / this.#bytesPerSecond) * 1_000).unref();
  }

  /** The last bytes must arrive, or "after N bytes" would not be true: their receiver sees an end, not a reset. */
  #spent(link: Link, direction: Direction): void {
    const [from, to] = ends(link, direction);
    this.#budget[direction] = Infinity;
    this.#onSpent?.();
    this.#onSpent = undefined;
    this.#links.delete(link);
    to.end();
    from.resetAndDestroy();
    this.cut();
  }

  #drop(link: Link): void {
    if (this.#links.delete(link) || this.#stranded.delete(link)) this.#end(link);
  }

  #end({ client, server }: Link): void {
    client.destroy();
    server.destroy();
  }

  #applyPauses(): void {
    for (const { client, server } of this.#links) {
      toggle(client, this.#paused.has('up'));
      toggle(server, this.#paused.has('down'));
    }
  }
}

function ends({ client, server }: Link, direction: Direction): [from: Socket, to: Socket] {
  return direction === 'up' ? [client, server] : [server, client];
}

function toggle(socket: Socket, paused: boolean): void {
  if (paused) socket.pause();
  else socket.resume();
}
