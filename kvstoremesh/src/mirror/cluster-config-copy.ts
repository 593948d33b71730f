import { clusterConfigCodec, jsonMembers, jsonOf } from '@clustermesh/wire';
import type { ClusterConfig, JsonMember } from '@clustermesh/wire';

/**
 * What the cache announces of a cluster: its config, but cached and with canaries (protocol.md §9.1). Fields that this
 * version does not know are carried over byte by byte, after the known ones. Known ones come from the decoded
 * config alone: a second spelling (`CACHED`) would override ours in Go, which matches names in any case.
 */
export function copyClusterConfig(bytes: Uint8Array, config: ClusterConfig): Uint8Array {
  const capabilities = { ...config.capabilities, syncedCanaries: true, cached: true };
  const known = jsonMembers(textOf(clusterConfigCodec.encode({ ...config, capabilities })));
  const received = jsonMembers(textOf(bytes));
  const unknown = unknownFields(capabilitiesOf(received), capabilityNames);
  const merged = jsonOf([...capabilitiesOf(known), ...unknown]);
  const fields = known.map(([name, raw]): JsonMember => [name, name === 'capabilities' ? merged : raw]);
  return Buffer.from(jsonOf([...fields, ...unknownFields(received, ['id', 'capabilities'])]));
}

const capabilityNames = [
  'syncedCanaries',
  'cached',
  'maxConnectedClusters',
  'serviceExportsEnabled',
  'endpointSlicesExportMode',
];

function unknownFields(received: readonly JsonMember[], known: readonly string[]): readonly JsonMember[] {
  const knownNames = new Set(known.map(fold));
  return received.filter(([name]) => !knownNames.has(fold(name)));
}

/** As Go folds names: a long s and a Kelvin sign are letters too. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function capabilitiesOf(fields: readonly JsonMember[]): readonly JsonMember[] {
  return fields.flatMap(([name, raw]) => (fold(name) === 'capabilities' ? jsonMembers(raw) : []));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
