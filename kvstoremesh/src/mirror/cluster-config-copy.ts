import { clusterConfigCodec } from '@clustermesh/wire';
import type { ClusterConfig } from '@clustermesh/wire';

/**
 * What the cache announces of a cluster: its config, but cached and with canaries (protocol.md §9.1). Fields that this
 * version does not know are carried over, after the known ones. Known ones come from the decoded
 * config alone: a second spelling (`CACHED`) would override ours in Go, which matches names in any case.
 */
export function copyClusterConfig(bytes: Uint8Array, config: ClusterConfig): Uint8Array {
  const capabilities = { ...config.capabilities, syncedCanaries: true, cached: true };
  const known = parseObject(clusterConfigCodec.encode({ ...config, capabilities }));
  const received = parseObject(bytes);
  const copy = {
    ...known,
    capabilities: { ...object(known['capabilities']), ...unknownFields(capabilitiesOf(received), capabilityNames) },
    ...unknownFields(received, ['id', 'capabilities']),
  };
  return Buffer.from(JSON.stringify(copy));
}

const capabilityNames = [
  'syncedCanaries',
  'cached',
  'maxConnectedClusters',
  'serviceExportsEnabled',
  'endpointSlicesExportMode',
];

function unknownFields(received: Fields, known: readonly string[]): Fields {
  const knownNames = new Set(known.map(fold));
  return Object.fromEntries(Object.entries(received).filter(([name]) => !knownNames.has(fold(name))));
}

/** As Go folds names: a long s and a Kelvin sign are letters too. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

type Fields = Readonly<Record<string, unknown>>;

function capabilitiesOf(received: Fields): Fields {
  const spelled = Object.entries(received).filter(([name]) => fold(name) === 'capabilities');
  return Object.fromEntries(spelled.flatMap(([, value]) => Object.entries(object(value))));
}

function parseObject(bytes: Uint8Array): Fields {
  return object(JSON.parse(Buffer.from(bytes).toString()));
}

function object(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
