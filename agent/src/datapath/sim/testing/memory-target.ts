import type { SimMaps } from '../sim-maps.ts';
import type { MapTarget } from './map-writer.ts';

export function memoryTarget(maps: SimMaps): MapTarget {
  return {
    put: (map, key, value) => maps[map].update(key, value),
    take: (map, key) => void maps[map].delete(key),
    get: (map, key) => maps[map].lookup(key),
    store: (array, index, record) => maps[array].bytes.set(record, index * record.length),
  };
}
