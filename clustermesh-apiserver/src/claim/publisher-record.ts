import { z } from 'zod';

import type { LocalCluster } from '../map/local-cluster.ts';

/** Ours, outside Cilium's prefixes: which cluster is published into this etcd, by whom. */
export const publisherKey = 'clustermesh/publisher';

const schema = z.object({
  cluster: z.string(),
  clusterId: z.number(),
  /** Of the Kubernetes cluster: the uid of its namespace kube-system; '' while it is not known. */
  uid: z.string(),
  /** RFC 3339, of the last write: it changes as long as the publisher lives. */
  beat: z.string(),
});

export type PublisherRecord = z.output<typeof schema>;

export function encodeRecord(record: PublisherRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

/** Undefined when it is none: whatever stands there then is nobody's. */
export function decodeRecord(bytes: Uint8Array): PublisherRecord | undefined {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch {
    return undefined;
  }
}

/**
 * Two publishers of one Kubernetes cluster write the same and may follow each other at any time, whatever the cluster is
 * named. Where a uid is not known, name and id must do.
 */
export function isSamePublisher(record: PublisherRecord, { name, id }: LocalCluster, uid: string): boolean {
  if (record.uid !== '' && uid !== '') return record.uid === uid;
  return record.cluster === name && record.clusterId === id;
}
