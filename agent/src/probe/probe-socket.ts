import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { hrtime } from 'node:process';
import { describeError } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';
import { formatIp, isIpv4 } from '@clustermesh/wire';

import type { NodeAddresses } from '../config.ts';
import { probeDatagram } from './probe-datagram.ts';

/** Where probes leave. Answers do not come here: the program at the tunnel device takes them. */
export interface ProbeSender {
  /** Nobody else can guess it. */
  token(): bigint;
  /** The clock by which the kernel notes answers (CLOCK_MONOTONIC). */
  nowNs(): bigint;
  /** Without word of what becomes of it: a probe that cannot leave is one that is not answered. */
  send(underlay: Uint8Array, token: bigint): void;
}

export interface ProbeSocketOptions {
  /** From where: as others know this node, else they do not know whom to answer. */
  readonly nodeAddresses: NodeAddresses;
  readonly tunnelPort: number;
  readonly log: Logger;
}

/** Ordinary UDP sockets, one a family, made when first used. */
export class ProbeSocket implements ProbeSender, Disposable {
  readonly #options: ProbeSocketOptions;
  readonly #sockets = new Map<'udp4' | 'udp6', Socket>();

  constructor(options: ProbeSocketOptions) {
    this.#options = options;
  }

  token(): bigint {
    return randomBytes(8).readBigUInt64LE() | 1n; // 0 means "none"
  }

  nowNs(): bigint {
    return hrtime.bigint();
  }

  send(underlay: Uint8Array, token: bigint): void {
    const socket = this.#socket(isIpv4(underlay) ? 'udp4' : 'udp6');
    socket.send(probeDatagram(token), this.#options.tunnelPort, formatIp(underlay), () => undefined);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #socket(type: 'udp4' | 'udp6'): Socket {
    const known = this.#sockets.get(type);
    if (known !== undefined) return known;
    const { nodeAddresses, log } = this.#options;
    const own = type === 'udp4' ? nodeAddresses.ipv4 : nodeAddresses.ipv6;
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    this.#sockets.set(type, socket);
    // Made anew at the next probe: the address may not be there yet.
    socket.on('error', (error) => {
      log.warn({ reason: describeError(error) }, 'no socket for probes of other nodes');
      if (this.#sockets.delete(type)) socket.close();
    });
    socket.bind({ port: 0, exclusive: true, ...(own.some((byte) => byte !== 0) ? { address: formatIp(own) } : {}) });
    return socket;
  }
}
