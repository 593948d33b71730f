import { readFileSync } from 'node:fs';

import { Etcd3 } from 'etcd3';

/** Where an etcd is; `tls` are file names. */
export interface Endpoint {
  readonly url: string;
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface Put {
  readonly key: Buffer;
  readonly value: Buffer;
}

export function connect({ url, tls }: Endpoint): Etcd3 {
  if (tls === undefined) return new Etcd3({ hosts: url });
  const credentials = {
    rootCertificate: readFileSync(tls.ca),
    certChain: readFileSync(tls.cert),
    privateKey: readFileSync(tls.key),
  };
  return new Etcd3({ hosts: url, credentials });
}

/** Deleted without a value. */
export interface Change {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

/** As `followMessages`, change by change. */
export function follow(
  etcd: Etcd3,
  prefix: string,
  onPut: (put: Put) => void,
  onDelete?: (key: Buffer) => void,
): Promise<void> {
  return followMessages(etcd, prefix, (changes) => {
    for (const { key, value } of changes) {
      if (value === undefined) onDelete?.(key);
      else onPut({ key, value });
    }
  });
}

/** Follows a prefix from now on, on a bare stream: no list, no resume. Resolves when the watch is there. */
export async function followMessages(
  etcd: Etcd3,
  prefix: string,
  onMessage: (changes: readonly Change[]) => void,
): Promise<void> {
  const stream = await etcd.watchClient.watch();
  const created = Promise.withResolvers();
  stream.on('error', (error) => {
    throw error;
  });
  stream.on('data', (response) => {
    if (response.created) created.resolve(undefined);
    onMessage(response.events.map(({ type, kv }) => ({ key: kv.key, value: type === 'Put' ? kv.value : undefined })));
  });
  const key = Buffer.from(prefix, 'latin1');
  const end = Buffer.from(key);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  stream.write({ create_request: { key, range_end: end } });
  await created.promise;
}
