import { addressSize } from '../../maps/address.ts';
import type { IpcacheRecord } from '../../maps/ipcache.ts';
import { nodeLayout, nodeState } from '../../maps/node.ts';
import type { SimContext } from './context.ts';
import { isSame } from './frame.ts';
import type { SimMaps } from './sim-maps.ts';

export interface Node {
  readonly underlay: Uint8Array;
  /** 0: unknown */
  readonly clusterId: number;
  readonly isActive: boolean;
}

/** The record at an index, whatever its state; undefined: index 0, or one that the map does not have. */
export function nodeAt({ node }: Pick<SimMaps, 'node'>, index: number): Node | undefined {
  if (index === 0 || index >= node.maxEntries) return undefined;
  const at = index * nodeLayout.size;
  const view = new DataView(node.bytes.buffer, node.bytes.byteOffset + at, nodeLayout.size);
  return {
    underlay: node.bytes.slice(at, at + addressSize),
    clusterId: view.getUint32(nodeLayout.clusterId, true),
    isActive: view.getUint16(nodeLayout.state, true) === nodeState.alive,
  };
}

/** The index of the active node with this underlay address. */
export function nodeIndexOf(maps: Pick<SimMaps, 'node' | 'node_ip'>, underlay: Uint8Array): number | undefined {
  const value = maps.node_ip.lookup(underlay);
  if (value === undefined) return undefined;
  const index = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
  const found = nodeAt(maps, index);
  return found?.isActive === true && isSame(found.underlay, underlay) ? index : undefined;
}

/** The node behind an entry where it is of another cluster. */
export function remoteNode({ maps, settings }: SimContext, entry: IpcacheRecord | undefined): Node | undefined {
  const node = entry && nodeAt(maps, entry.nodeIndex);
  return node === undefined || node.clusterId === 0 || node.clusterId === settings.localClusterId ? undefined : node;
}
