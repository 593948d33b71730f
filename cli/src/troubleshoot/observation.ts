import type { EtcdClientConfig } from '@clustermesh/kvstore';
import type { ErrorCode, Result } from '@clustermesh/runtime';
import type { ClusterConfig, ClusterName } from '@clustermesh/wire';

/** What was tried, and what came of it. */
export type Attempt<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Failure);

export interface Failure {
  readonly code: ErrorCode;
  readonly problem: string;
}

/** An etcd to look at: of a remote cluster, or our own. */
export interface Target {
  /** Undefined: our own cluster, and nothing tells its name. */
  readonly cluster: ClusterName | undefined;
  /** For people. */
  readonly name: string;
  readonly isOwn: boolean;
  readonly path: string;
  readonly config: Result<EtcdClientConfig>;
}

/** Everything that was seen of one cluster from here. What could not be tried, because of what failed before, is absent. */
export interface Observation {
  readonly target: Target;
  /** Absent without TLS. */
  readonly certificates?: Attempt<OurCertificates>;
  readonly endpoints: readonly EndpointObservation[];
  readonly store?: Attempt<StoreObservation>;
}

export interface OurCertificates {
  /** The common name of the client certificate, which etcd takes for the user. */
  readonly user: string | undefined;
  readonly client: CertificateView | undefined;
  readonly authorities: readonly CertificateView[];
}

export interface CertificateView {
  /** As `describeCertificate` writes it. */
  readonly text: string;
  readonly validToMs: number;
}

export interface EndpointObservation {
  readonly url: string;
  readonly host: string;
  /** The addresses come from the file, not from a resolver. */
  readonly isAliased: boolean;
  readonly addresses: Attempt<readonly AddressObservation[]>;
}

/** One address that works is enough: a client of etcd tries them all. */
export function isUsable({ addresses }: EndpointObservation): boolean {
  return addresses.ok && addresses.value.some(({ failure }) => failure === undefined);
}

export interface AddressObservation {
  readonly address: string;
  /** TCP came up. */
  readonly isReached: boolean;
  readonly tls?: { readonly protocol: string; readonly cipher: string; readonly server: CertificateView | undefined };
  readonly failure?: Failure;
}

export interface StoreObservation {
  /** In hex, as etcd's own tools print it. */
  readonly storeId: string;
  /** Does etcd check users at all? */
  readonly checksUsers: Attempt<boolean>;
  readonly ranges: readonly RangeObservation[];
  /** Undefined inside: there is none. */
  readonly config: Attempt<ClusterConfig | undefined>;
  readonly canaries: readonly { readonly kind: string; readonly isThere: Attempt<boolean> }[];
  /** The value of the key; undefined: there is none. */
  readonly heartbeat: Attempt<string | undefined>;
}

/** A part of the keys that a reader needs. */
export interface Range {
  readonly what: string;
  readonly key: string;
  /** All keys that begin with `key`, not `key` alone. */
  readonly isPrefix: boolean;
}

export interface RangeObservation extends Range {
  readonly read: Attempt<undefined>;
}
