import { z } from 'zod';

/** Ours, outside Cilium's prefixes: which replica publishes into an etcd that several share. */
export const leaderKey = 'clustermesh/publisher-leader';

const schema = z.object({
  /** A name that a process gives itself. */
  holder: z.string(),
  /** RFC 3339, of the last write: it changes as long as the holder lives. */
  beat: z.string(),
  /** It has stopped, and waits for nothing. */
  isReleased: z.boolean(),
});

export type LeaderRecord = z.output<typeof schema>;

export function encodeLeader(record: LeaderRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

/** Undefined when it is none: then nobody leads. */
export function decodeLeader(bytes: Uint8Array): LeaderRecord | undefined {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch {
    return undefined;
  }
}
