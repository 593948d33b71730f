import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { promises as dns } from 'node:dns';
import { once } from 'node:events';
import { connect } from 'node:net';

import { addressRecord, txtRecord } from './dns-message.ts';
import { serveDns } from './dns-server.ts';
import type { Listening } from './listen.ts';

const records = [txtRecord('east/dns-1'), addressRecord('10.1.1.2'), addressRecord('fd00:10:1:1::2')];
let server: Listening;
beforeAll(async () => {
  server = await serveDns(0, (name) => (name === 'who.' ? records : undefined));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.each(['127.0.0.1', '[::1]'])('the name server, asked by a resolver over %s', (host) => {
  const resolver = new dns.Resolver({ tries: 1 });
  beforeAll(() => resolver.setServers([`${host}:${server.port}`]));

  it('answers with records of every type that it has', async () => {
    expect(await resolver.resolveTxt('who')).toEqual([['east/dns-1']]);
    expect(await resolver.resolve4('WHO')).toEqual(['10.1.1.2']);
    expect(await resolver.resolve6('who')).toEqual(['fd00:10:1:1::2']);
  });

  it('says that a name has no such record, or is none', async () => {
    await expect(resolver.resolveMx('who')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.resolve4('nobody.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});

describe('the name server over TCP', () => {
  it('answers messages that come in pieces, and several at once', async () => {
    const query = Buffer.from('000a010000010000000000000377686f0000100001', 'hex');
    const framed = Buffer.concat([Buffer.from([0, query.length]), query]);
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(framed.subarray(0, 5));
    socket.end(Buffer.concat([framed.subarray(5), framed]));
    const answers = Buffer.concat((await socket.toArray()) as Buffer[]).toString('latin1');
    expect(answers.split('east/dns-1')).toHaveLength(3);
  });
});
