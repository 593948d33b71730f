import type { ErrorCode } from '@clustermesh/runtime';

import type { Step } from './step.ts';

type AdviceByCode = Partial<Record<ErrorCode, string>>;

const reconnect = 'clustermesh connect writes it anew';

/** What to do about a failure, where the step matters. */
const atStep: Partial<Record<Step, AdviceByCode>> = {
  certificates: {
    FILE_UNREADABLE: `mount the Secret that holds it, readable for this user; ${reconnect}`,
    TLS_CERT_EXPIRED: `renew it and its Secret; ${reconnect}; it is taken without a restart`,
    TLS_INVALID: `put certificate and key of one pair there, for client authentication, and its CA beside them; ${reconnect}`,
  },
  tls: {
    TLS_CERT_EXPIRED: 'renew the Secret clustermesh-apiserver-server-cert of that cluster',
    TLS_INVALID:
      'does the port belong to that cluster’s etcd, and not to a proxy? then look at the Secret clustermesh-apiserver-server-cert there and at both clocks',
    HOST_UNREACHABLE:
      'a proxy or load balancer answers in place of etcd, or has no clustermesh-apiserver behind it: is one ready there?',
  },
};

const anywhere: AdviceByCode = {
  CONFIG_INVALID: `correct the file; ${reconnect}`,
  FILE_UNREADABLE: 'is it mounted, and readable for this user?',
  HOST_UNRESOLVED:
    'give the name addresses by cilium-host-aliases in the file, as clustermesh connect does, or make it known to the DNS of this place',
  HOST_UNREACHABLE:
    'is a clustermesh-apiserver ready there, its Service open at this address and port, and no firewall between? Where the address has changed, run clustermesh connect again',
  TLS_UNTRUSTED:
    'add the CA that signed it to the trusted CA file: clustermesh connect does; if both CAs have one name, one of the clusters has a new one',
  TLS_NAME_MISMATCH:
    'dial it by one of these names, with cilium-host-aliases for its addresses, or add the name to the Secret clustermesh-apiserver-server-cert there',
  TLS_CLIENT_REJECTED:
    'make the etcd there trust the CA of our client certificate, or take a client certificate that its CA signed: clustermesh connect does',
  KV_PERMISSION_DENIED:
    'the user must exist in that etcd with a role that may read this (etcdinit, or the users file of --cluster-users-enabled)',
  KV_UNAUTHENTICATED: 'present a client certificate whose common name is a user of that etcd',
  KV_UNAVAILABLE: 'is that etcd overloaded or without a leader? See its log',
  TIMEOUT: 'is that etcd overloaded, or the way to it slow? Try a longer --timeout',
  CLUSTER_CONFIG_MISSING: 'is the cluster really named so, and does its clustermesh-apiserver run? See its log',
  CLUSTER_CONFIG_INVALID:
    'ids are 1 to max-connected-clusters, which must be the same in the whole mesh: correct ConfigMap clustermesh-config there',
  CLUSTER_ID_CONFLICT: 'give every cluster an id of its own (cluster-id in ConfigMap clustermesh-config)',
};

export function adviceOn(step: Step, code: ErrorCode): string {
  return atStep[step]?.[code] ?? anywhere[code] ?? 'see docs/errors.md';
}

/** Our own etcd is not reached by what `clustermesh connect` writes, but by what was installed. */
const ofOwn: Partial<Record<Step, string>> = {
  file: 'mount the ConfigMap clustermesh-etcd-config, or say with --etcd-config where the file is',
  certificates: 'mount the Secret clustermesh-apiserver-admin-cert where the file says; where it has expired, renew it',
  name: 'correct the endpoints in the ConfigMap clustermesh-etcd-config',
  tcp: 'does etcd run beside the clustermesh-apiserver? See the log of its container',
  tls: 'make the Secrets clustermesh-apiserver-server-cert and clustermesh-apiserver-admin-cert anew, by one CA',
  access:
    'run clustermesh-apiserver etcdinit with the name of this cluster, and take a certificate of one of its users',
};

export function adviceOnOwn(step: Step): string | undefined {
  return ofOwn[step];
}
