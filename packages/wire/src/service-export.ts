import type { Codec } from './codec.ts';
import {
  goJson,
  int32,
  omitZero,
  omittedMap,
  omittedSlice,
  optional,
  slice,
  string,
  type GoMap,
  type GoType,
} from './go-json.ts';
import { struct } from './go-struct.ts';
import { jsonString } from './json-text.ts';
import { parseRfc3339, rfc3339 } from './rfc3339.ts';

export interface ExportedPort {
  readonly name: string;
  readonly protocol: string;
  readonly appProtocol?: string | undefined;
  readonly port: number;
}

export interface SessionAffinityConfig {
  readonly clientIp?: { readonly timeoutSeconds?: number | undefined } | undefined;
}

/** STABLE API, protocol.md §2.9: one cluster's side of a multi-cluster service. */
export interface ServiceExport {
  readonly cluster: string;
  readonly name: string;
  readonly namespace: string;
  readonly annotations: GoMap<string>;
  readonly labels: GoMap<string>;
  /** RFC 3339, UTC, seconds; null is Go's zero time. */
  readonly exportCreationTimestamp: string | null;
  readonly ports: readonly ExportedPort[] | null;
  /** ClusterSetIP or Headless. */
  readonly type: string;
  /** ClientIP or None; readers refuse ''. */
  readonly sessionAffinity: string;
  readonly sessionAffinityConfig?: SessionAffinityConfig | undefined;
  /** IPv4, IPv6: always write them, readers of 1.20 ask for them. */
  readonly ipFamilies: readonly string[];
  readonly internalTrafficPolicy: string;
  readonly trafficDistribution: string;
}

const zeroTime = Date.parse('0001-01-01T00:00:00Z');

/** metav1.Time: any zone in, UTC seconds out. */
const time: GoType<string | null> = {
  zero: null,
  read(reader) {
    if (reader.tryNull()) return null;
    const ms = parseRfc3339(reader.readString()) ?? reader.fail('not an RFC 3339 time');
    return ms === zeroTime ? null : rfc3339(ms);
  },
  write: (value) => (value === null ? 'null' : jsonString(value)),
};

const exportedPort = struct<ExportedPort>({
  name: ['name', omitZero(string)],
  protocol: ['protocol', omitZero(string)],
  appProtocol: ['appProtocol', optional(string)],
  port: ['port', int32],
});

const clientIp = struct<{ readonly timeoutSeconds?: number | undefined }>({
  timeoutSeconds: ['timeoutSeconds', optional(int32)],
});

export const serviceExportCodec: Codec<ServiceExport> = goJson(
  struct<ServiceExport>({
    cluster: ['cluster', string],
    name: ['name', string],
    namespace: ['namespace', string],
    annotations: ['annotations', omittedMap(string)],
    labels: ['labels', omittedMap(string)],
    exportCreationTimestamp: ['exportCreationTimestamp', time],
    ports: ['ports', slice(exportedPort)],
    type: ['type', string],
    sessionAffinity: ['sessionAffinity', string],
    sessionAffinityConfig: [
      'sessionAffinityConfig',
      optional(struct<SessionAffinityConfig>({ clientIp: ['clientIP', optional(clientIp)] })),
    ],
    ipFamilies: ['ipFamilies', omittedSlice(string)],
    internalTrafficPolicy: ['internalTrafficPolicy', omitZero(string)],
    trafficDistribution: ['trafficDistribution', omitZero(string)],
  }),
);
