import { describe, expect, it } from '@jest/globals';

import { ClusterIds } from './cluster-ids.ts';

describe('ClusterIds', () => {
  it('gives an id to the first who asks, and again to the same', () => {
    const ids = new ClusterIds(1);
    expect(ids.reserve(2, 'east')).toBeUndefined();
    expect(ids.reserve(2, 'east')).toBeUndefined();
    expect(ids.reserve(2, 'west')).toBe('clusterID 2 is already used by east');
  });

  it('keeps the local id', () => {
    expect(new ClusterIds(1).reserve(1, 'east')).toBe('clusterID 1 is assigned to the local cluster');
  });

  it('frees an id when its cluster is released or takes another one', () => {
    const ids = new ClusterIds(1);
    ids.reserve(2, 'east');
    ids.reserve(3, 'east');
    expect(ids.reserve(2, 'west')).toBeUndefined();
    ids.release('east');
    expect(ids.reserve(3, 'north')).toBeUndefined();
  });

  it('leaves a cluster its id when it asks for one that it cannot have', () => {
    const ids = new ClusterIds(1);
    ids.reserve(2, 'east');
    ids.reserve(1, 'east');
    expect(ids.reserve(2, 'west')).toBe('clusterID 2 is already used by east');
  });
});
