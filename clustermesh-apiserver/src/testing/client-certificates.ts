import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

import { TestCa } from '@clustermesh/testkit';
import type { CallerTls, CertificateFiles, LeafOptions } from '@clustermesh/testkit';

import type { MeshEtcd } from './mesh-etcd.ts';

type Pair = Pick<CertificateFiles, 'cert' | 'key'>;
type Make = (etcd: MeshEtcd) => Promise<Pair | undefined>;

/** What a client may present to an etcd, in the words of docs/access.md; beside these `one for <name>`. */
const certificates: Readonly<Record<string, Make>> = {
  nothing: async () => undefined,
  'a certificate for remote': signed({ commonName: 'remote' }),
  'one with an organisation beside the name remote': signed({ commonName: 'remote', subject: '/O=west/CN=remote' }),
  'one whose organisation is root and whose name is remote': signed({
    commonName: 'remote',
    subject: '/O=root/CN=remote',
  }),
  'one for remote for clients only': signed({ commonName: 'remote', usages: ['clientAuth'] }),
  'one for remote for servers only': signed({ commonName: 'remote', usages: ['serverAuth'] }),
  'one for remote that has expired': signed({ commonName: 'remote', days: -1 }),
  'one for remote of another authority': (etcd) => foreign(etcd, 'Other CA'),
  'one for remote of another authority with the same name': (etcd) => foreign(etcd, 'Test CA'),
  'one for remote of an intermediate authority, as a chain': chain,
  'one for remote of an intermediate authority, alone': async (etcd) => {
    const { cert, key } = await chain(etcd);
    return { cert: leafOf(cert), key };
  },
  "the etcd's own server certificate": async ({ server }) => server,
  'one for remote-c3, which no users file names': signed({ commonName: 'remote-c3' }),
  'one without a name': signed({ commonName: 'nameless', subject: '/' }),
};

export async function presentedTo(etcd: MeshEtcd, what: string): Promise<CallerTls> {
  const [, commonName = ''] = /^one for ([\w-]+)$/.exec(what) ?? [];
  const make = certificates[what] ?? (commonName === '' ? undefined : signed({ commonName }));
  if (make === undefined) throw new Error(`no test certificate is called "${what}"`);
  return { ca: etcd.ca.cert, ...(await make(etcd)) };
}

function signed(leaf: LeafOptions): (etcd: MeshEtcd) => Promise<Pair> {
  return ({ ca }) => ca.issue(leaf);
}

async function foreign({ dir }: MeshEtcd, authority: string): Promise<Pair> {
  const ca = await TestCa.create(await mkdtemp(join(dir, 'other-')), authority);
  return ca.issue({ commonName: 'remote' });
}

async function chain({ ca }: MeshEtcd): Promise<Pair> {
  return (await ca.intermediate('Test Intermediate')).issue({ commonName: 'remote' });
}

/** The first certificate of a chain. */
function leafOf(pem: Buffer): Buffer {
  const end = '-----END CERTIFICATE-----\n';
  const text = pem.toString();
  return Buffer.from(text.slice(0, text.indexOf(end) + end.length));
}
