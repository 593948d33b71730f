/** Fills a cache with remote clusters, as fast as etcd takes them. */
import { readFileSync } from 'node:fs';

import { Client, credentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';

import type { Endpoint } from '../../floors/etcd.ts';
import { serve } from '../../floors/serve.ts';
import { CachedMember } from './cached-member.ts';
import type { Entry, MemberSize } from './cached-member.ts';
import { PutTransaction, bytesPerTransaction, opsPerTransaction } from './put-transaction.ts';

export interface FillOrder {
  readonly etcd: Endpoint;
  /** Clusters from 1 on. */
  readonly members: number;
  readonly size: MemberSize;
  /** One more, of slices. */
  readonly slices: { readonly id: number; readonly size: MemberSize };
}

const transactionsInFlight = 6;
/** A put may be done twice; an etcd that has to share its processors is late now and then. */
const attempts = 5;

const answers = {
  /** How many keys were written. */
  fill: async ({ etcd, members, size, slices }: FillOrder): Promise<number> => {
    const writer = new Writer(etcd);
    const now = Date.now();
    for (let id = 1; id <= members; id++) await writer.write(new CachedMember(id, size).entries(now));
    await writer.write(new CachedMember(slices.id, slices.size, { slices: true }).entries(now));
    return writer.end();
  },
};

class Writer {
  readonly #client: Client;
  readonly #transaction = new PutTransaction(bytesPerTransaction);
  readonly #inFlight = new Set<Promise<void>>();
  #written = 0;

  constructor({ url, tls }: Endpoint) {
    if (tls === undefined) throw new Error('an etcd with TLS is what agents read');
    const ssl = credentials.createSsl(readFileSync(tls.ca), readFileSync(tls.key), readFileSync(tls.cert));
    this.#client = new Client(new URL(url).host, ssl);
  }

  async write(entries: Iterable<Entry>): Promise<void> {
    for (const entry of entries) {
      if (this.#transaction.count === opsPerTransaction || !this.#transaction.add(entry)) {
        await this.#flush();
        this.#transaction.add(entry);
      }
      this.#written++;
    }
  }

  async end(): Promise<number> {
    await this.#flush();
    await Promise.all(this.#inFlight);
    this.#client.close();
    return this.#written;
  }

  async #flush(): Promise<void> {
    while (this.#inFlight.size >= transactionsInFlight) await Promise.race(this.#inFlight);
    const sent = this.#commit(this.#transaction.take()).then(() => void this.#inFlight.delete(sent));
    this.#inFlight.add(sent);
    // Whoever waits for one of them hears of it.
    sent.catch(() => undefined);
  }

  async #commit(transaction: Buffer): Promise<void> {
    for (let attempt = 1; attempt < attempts; attempt++) {
      try {
        await this.#send(transaction);
        return;
      } catch (error) {
        if ((error as ServiceError).code !== status.UNAVAILABLE) throw error;
      }
    }
    await this.#send(transaction);
  }

  #send(transaction: Buffer): Promise<void> {
    const asIs = (bytes: Buffer): Buffer => bytes;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest('/etcdserverpb.KV/Txn', asIs, asIs, transaction, (error) =>
        error === null ? resolve() : reject(error as Error),
      );
    });
  }
}

export type Filler = typeof answers;

serve(answers);
