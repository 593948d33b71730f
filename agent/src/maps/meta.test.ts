import { describe, expect, it } from '@jest/globals';

import { decodeMeta, encodeMeta, metaLayout } from './meta.ts';

const meta = {
  abiVersion: 7,
  objectSha256: new Uint8Array(32).fill(1),
  bootId: new Uint8Array(16).fill(2),
  agentVersion: '0.1.0',
};

describe('meta', () => {
  it('is read as it was written', () => {
    expect(decodeMeta(encodeMeta(meta))).toEqual(meta);
    const longest = { ...meta, agentVersion: 'v'.repeat(metaLayout.size - metaLayout.agentVersion) };
    expect(decodeMeta(encodeMeta(longest))).toEqual(longest);
  });

  it('of an earlier layout tells what it has', () => {
    const early = encodeMeta(meta).slice(0, metaLayout.agentVersion);
    expect(decodeMeta(early)).toEqual({ ...meta, agentVersion: '' });
  });

  it('of a later layout tells what we know of it', () => {
    expect(decodeMeta(Uint8Array.of(...encodeMeta(meta), 9, 9, 9))).toEqual(meta);
  });

  it('cuts a version that has no room', () => {
    const long = encodeMeta({ ...meta, agentVersion: 'v'.repeat(100) });
    expect(long).toHaveLength(metaLayout.size);
    expect(decodeMeta(long).agentVersion).toBe('v'.repeat(32));
  });
});
