import { expect, it } from '@jest/globals';

import type { EtcdConnection } from './connection.ts';
import { WriteHistory } from './write-history.ts';

it('one who gives up waiting leaves the look to the others (I1)', async () => {
  const answer = Promise.withResolvers<unknown>();
  const connection = {
    epoch: 1,
    unary: (_method: unknown, _request: unknown, _attempted: string, signal: AbortSignal) => {
      signal.addEventListener('abort', () => answer.reject(new Error('cancelled')));
      return answer.promise;
    },
  };
  let lost = 0;
  const history = new WriteHistory(connection as unknown as EtcdConnection, () => lost++);
  history.acknowledged([{ kind: 'put', key: 'a', value: new Uint8Array() }], 7n);
  connection.epoch = 2;
  const impatient = new AbortController();
  const first = history.checked(impatient.signal);
  const second = history.checked(new AbortController().signal);
  impatient.abort();
  await first;
  answer.resolve({ kvs: [] });
  await second;
  expect(lost).toBe(1);
});
