/** Floor of a mirror: copies what changes in one etcd into another, and nothing else. What comes in one message goes out at once. */
import { connect, followMessages } from './etcd.ts';
import type { Change, Endpoint } from './etcd.ts';
import { serve } from './serve.ts';

export interface RelayRoute {
  readonly source: Endpoint;
  readonly sourcePrefix: string;
  readonly target: Endpoint;
  readonly targetPrefix: string;
}

/** What etcd takes by default. */
const opsPerTransaction = 128;

let relayed = 0;

const answers = {
  open: async ({ source, sourcePrefix, target, targetPrefix }: RelayRoute): Promise<void> => {
    const into = connect(target);
    const prefix = Buffer.from(targetPrefix, 'latin1');
    const copyOf = (key: Buffer): Buffer => Buffer.concat([prefix, key.subarray(sourcePrefix.length)]);
    const opOf = ({ key, value }: Change) =>
      value === undefined
        ? { request_delete_range: { key: copyOf(key) } }
        : { request_put: { key: copyOf(key), value } };
    // A failure is nobody's to handle, and so ends the process.
    await followMessages(connect(source), sourcePrefix, (changes) => {
      for (let from = 0; from < changes.length; from += opsPerTransaction) {
        const success = newest(changes.slice(from, from + opsPerTransaction)).map(opOf);
        void into.kv.txn({ success }).then(() => (relayed += success.length));
      }
    });
  },

  /** How many changes, so far. */
  relayed: (): number => relayed,
};

export type RelayAnswers = typeof answers;

serve(answers);

/** Of each key: a transaction takes it once. */
function newest(changes: readonly Change[]): readonly Change[] {
  if (changes.length === 1) return changes;
  return [...new Map(changes.map((change) => [change.key.toString('latin1'), change])).values()];
}
