import type { LocalSlice } from './local-service.ts';
import { plainAddress, type PublishedEndpoint } from './published-endpoints.ts';

/** Addresses of which one says anything else than the other: what a change of one slice costs is what these cost. */
export function changedAddresses(
  before: readonly PublishedEndpoint[],
  after: readonly PublishedEndpoint[],
): ReadonlySet<string> {
  return differing(saidOf(before), saidOf(after));
}

export function changedLocalAddresses(
  before: LocalSlice | undefined,
  after: LocalSlice | undefined,
): ReadonlySet<string> {
  return differing(saidOfSlice(before), saidOfSlice(after));
}

/** By address, all that is said of it as one text. */
type Said = ReadonlyMap<string, string>;

function saidOf(endpoints: readonly PublishedEndpoint[]): Said {
  const said = new Map<string, string>();
  const portTexts = new Map<object, string>();
  for (const { address, ports, state, zone, forZones } of endpoints) {
    const portText = portTexts.get(ports) ?? JSON.stringify(ports);
    portTexts.set(ports, portText);
    add(said, address, `${state} ${zone} ${forZones.join()} ${portText}`);
  }
  return said;
}

function saidOfSlice(slice: LocalSlice | undefined): Said {
  const said = new Map<string, string>();
  const ports = JSON.stringify(slice?.ports ?? []);
  for (const { addresses, conditions, zone, nodeName, hints } of slice?.endpoints ?? []) {
    const text = JSON.stringify([conditions, zone, nodeName, hints]) + ports;
    for (const address of addresses) add(said, plainAddress(address), text);
  }
  return said;
}

function add(said: Map<string, string>, address: string, text: string): void {
  const known = said.get(address);
  said.set(address, known === undefined ? text : known + text);
}

function differing(before: Said, after: Said): ReadonlySet<string> {
  const addresses = new Set<string>();
  for (const [address, text] of after) if (before.get(address) !== text) addresses.add(address);
  for (const address of before.keys()) if (!after.has(address)) addresses.add(address);
  return addresses;
}
