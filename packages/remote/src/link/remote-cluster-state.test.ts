import { describe, expect, it } from '@jest/globals';

import { events, isConnected, isRemoved, nextState, states } from './remote-cluster-state.ts';
import type { RemoteClusterState } from './remote-cluster-state.ts';

/** docs/spec/remote-cluster.md has the same table; columns in the order of `events`. */
const table = `
            connected    configured   synced       config-changed  failed       retry        file-changed  file-unusable  file-removed  grace-over   drained
connecting  configuring  connecting   connecting   connecting      waiting      connecting   connecting    unusable       leaving       connecting   connecting
configuring configuring  syncing      configuring  configuring     waiting      configuring  connecting    unusable       leaving       configuring  configuring
syncing     syncing      syncing      ready        configuring     waiting      syncing      connecting    unusable       leaving       syncing      syncing
ready       ready        ready        ready        configuring     waiting      ready        connecting    unusable       leaving       ready        ready
waiting     waiting      waiting      waiting      waiting         waiting      connecting   connecting    unusable       leaving       waiting      waiting
unusable    unusable     unusable     unusable     unusable        unusable     unusable     connecting    unusable       leaving       unusable     unusable
leaving     leaving      leaving      leaving      leaving         leaving      leaving      connecting    unusable       leaving       draining     leaving
draining    draining     draining     draining     draining        draining     draining     draining      draining       draining      draining     removed
removed     removed      removed      removed      removed         removed      removed      removed       removed        removed       removed      removed`;

const [header = [], ...rows] = table
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));

describe('transitions', () => {
  it('covers every state and every event', () => {
    expect(header).toEqual(events);
    expect(rows.map(([state]) => state)).toEqual(states);
  });

  const cells = rows.flatMap(([state = '', ...next]) => events.map((event, at) => [state, event, next[at]] as const));
  it.each(cells)('%s --%s--> %s', (state, event, next) => {
    expect(nextState(state as RemoteClusterState, event)).toBe(next);
  });
});

describe('isConnected', () => {
  it('is true from the first answer until a failure', () => {
    expect(states.filter(isConnected)).toEqual(['configuring', 'syncing', 'ready']);
  });
});

describe('isRemoved', () => {
  it('is true from the loss of the file', () => {
    expect(states.filter(isRemoved)).toEqual(['leaving', 'draining', 'removed']);
  });
});
