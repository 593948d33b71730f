import { decodeAffinity, encodeAffinity, encodeAffinityKey } from '../../maps/affinity.ts';
import { backendState, BackendRecords, backendLayout } from '../../maps/backend.ts';
import { decodeServiceValue, encodeServiceKey } from '../../maps/service.ts';
import type { FrontendAddress, ServiceRecord } from '../../maps/service.ts';
import { SlotRecords } from '../../maps/slot.ts';
import type { SimMaps } from './sim-maps.ts';

/** Who asks. */
export interface ServiceClient {
  /** One pod, or the node with all that uses its network. */
  readonly netnsCookie: bigint;
  /** Which backend it shall be when nothing else decides: 32 bits. */
  readonly draw: number;
  readonly isHost: boolean;
}

export interface ChosenBackend {
  readonly id: number;
  readonly generation: number;
  readonly serviceId: number;
  readonly address: Uint8Array;
  readonly port: number;
}

export type Selection =
  | { readonly kind: 'no service' }
  | { readonly kind: 'no backend' }
  /** Records do not fit together. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'selected'; readonly backend: ChosenBackend };

type ServiceMaps = Pick<SimMaps, 'svc' | 'slot' | 'backend' | 'aff'>;

/** A frontend whose records do not fit together is tried again, with the next slot. */
const attempts = 4;
const nsPerSecond = 1_000_000_000n;

/** Which backend a client of a frontend is given (bpf/lib/service.h). */
export function selectBackend(
  maps: ServiceMaps,
  frontend: FrontendAddress,
  client: ServiceClient,
  nowNs: bigint,
): Selection {
  const value = maps.svc.lookup(encodeServiceKey(frontend));
  if (value === undefined) return { kind: 'no service' };
  const service = decodeServiceValue(value);
  if (service.count === 0) return { kind: 'no backend' };
  for (let attempt = 0; attempt < attempts; attempt++) {
    const next = { ...client, draw: (client.draw + attempt) >>> 0 };
    const backend = service.affinityTimeoutS > 0 ? stick(maps, service, next, nowNs) : draw(maps, service, next);
    if (backend !== undefined) return { kind: 'selected', backend };
  }
  return { kind: 'stale' };
}

/** The backend that this client had, while it still takes connections; else a new choice, kept. */
function stick(
  maps: ServiceMaps,
  service: ServiceRecord,
  client: ServiceClient,
  nowNs: bigint,
): ChosenBackend | undefined {
  const key = encodeAffinityKey({ client: client.netnsCookie, serviceId: service.serviceId });
  const value = maps.aff.lookup(key);
  const known = value && decodeAffinity(value);
  const isCurrent = known !== undefined && nowNs - known.lastUsedNs < BigInt(service.affinityTimeoutS) * nsPerSecond;
  const before = isCurrent ? activeBackend(maps, known.backendId, service.serviceId) : undefined;
  const isSameOne = before !== undefined && before.generation === known?.generation;
  const chosen = isSameOne ? before : draw(maps, service, client);
  if (chosen === undefined) return undefined;
  maps.aff.update(key, encodeAffinity({ lastUsedNs: nowNs, backendId: chosen.id, generation: chosen.generation }));
  return chosen;
}

/** A host process takes a backend of its own cluster while there is one, preferred or not. */
function draw(maps: ServiceMaps, service: ServiceRecord, client: ServiceClient): ChosenBackend | undefined {
  const { slotBase, count, homeFirst, homeCount, serviceId } = service;
  const isAtHome = client.isHost && homeCount > 0;
  const index = isAtHome ? slotBase + homeFirst + (client.draw % homeCount) : slotBase + (client.draw % count);
  const slots = new SlotRecords(maps.slot);
  if (index >= slots.capacity || slots.read(index).serviceId !== serviceId) return undefined;
  return activeBackend(maps, slots.backendId(index), serviceId);
}

/** Undefined: the record is not, or no longer, an active backend of the service. */
function activeBackend({ backend }: ServiceMaps, id: number, serviceId: number): ChosenBackend | undefined {
  const records = new BackendRecords(backend);
  if (id >= records.capacity) return undefined;
  if (records.serviceId(id) !== serviceId || records.state(id) !== backendState.active) return undefined;
  const at = id * backendLayout.size + backendLayout.generation;
  const generation = new DataView(backend.bytes.buffer, backend.bytes.byteOffset).getUint32(at, true);
  const { address, port } = records.read(id);
  return { id, generation, serviceId, address, port };
}
