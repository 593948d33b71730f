import type { KvReader } from '@clustermesh/kvstore';
import { aborted } from '@clustermesh/runtime';

/** A store without keys. Mirroring it deletes all copies and yet announces them complete. */
export const emptySource: Pick<KvReader, 'watch'> = {
  watch: async function* (_prefix, _options, signal) {
    yield { phase: 'list-done', events: [], point: { storeId: 0n, revision: 0n, witnesses: new Map() } };
    await aborted(signal);
  },
};
