import { createSecureContext } from 'node:tls';

import { ChannelCredentials, credentials } from '@grpc/grpc-js';
import { MeshError } from '@clustermesh/runtime';

import type { EtcdTls } from './endpoint.ts';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;
type ConnectorArguments = Parameters<ChannelCredentials['_createSecureConnector']>;

/** With `readTls` certificates are read again before each handshake. */
export function channelCredentials(
  secure: boolean,
  tls: EtcdTls | undefined,
  readTls: (() => Promise<EtcdTls>) | undefined,
): ChannelCredentials {
  if (!secure) return credentials.createInsecure();
  return tls === undefined || readTls === undefined ? sslCredentials(tls) : new LiveCredentials(tls, readTls);
}

/**
 * Credentials that are read before each handshake, so that renewed certificates serve the next connection and none that
 * runs is ended for them. Of what cannot be read or does not fit together, `read` makes the best it can.
 */
class LiveCredentials extends ChannelCredentials {
  readonly #read: () => Promise<EtcdTls>;
  #used: ChannelCredentials;

  constructor(first: EtcdTls, read: () => Promise<EtcdTls>) {
    super();
    this.#read = read;
    this.#used = sslCredentials(first);
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  /** gRPC waits for readiness before it dials, and then takes the handshake from the connector. */
  override _createSecureConnector(...args: ConnectorArguments): Connector {
    let current = this.#used._createSecureConnector(...args);
    return {
      waitForReady: async () => {
        this.#used = sslCredentials(await this.#read());
        current = this.#used._createSecureConnector(...args);
      },
      connect: (socket) => current.connect(socket),
      getCallCredentials: () => current.getCallCredentials(),
      destroy: () => current.destroy(),
    };
  }
}

/** As Go has it, any certificate of the CA file may be the end of a chain, also an intermediate's. Throws TLS_INVALID. */
function sslCredentials(tls: EtcdTls | undefined): ChannelCredentials {
  try {
    return credentials.createFromSecureContext(createSecureContext({ ...tls, allowPartialTrustChain: true }));
  } catch (error) {
    throw new MeshError('TLS_INVALID', 'read the TLS certificates of an etcd client', { cause: error });
  }
}
