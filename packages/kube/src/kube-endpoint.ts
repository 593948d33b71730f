import type { Agent } from 'node:http';
import type { SecureContextOptions } from 'node:tls';

/** Where an API is and how to present oneself to it. */
export interface KubeEndpoint {
  /** May carry a path prefix, as behind Rancher's proxy. */
  readonly server: URL;
  /** The kubeconfig context, or `in-cluster`: for people. */
  readonly contextName: string;
  /** The context's namespace. */
  readonly namespace: string;
  /** Asked before each request, because tokens and certificates are renewed. */
  credentials(): Promise<KubeCredentials>;
  /** The server knows nobody of these credentials (401): what is cached of them is worth nothing. */
  refused?(): void;
  /** Nothing answered there: `server` may be another one from now on. */
  unreachable?(server: URL): void;
}

export interface KubeCredentials {
  readonly tls: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> & {
    readonly servername?: string;
    readonly rejectUnauthorized?: boolean;
  };
  readonly headers: Readonly<Record<string, string>>;
  /** Only for a cluster behind a proxy (`proxy-url`). */
  readonly proxy?: Agent;
}
