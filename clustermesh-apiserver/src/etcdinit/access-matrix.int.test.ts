import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { docsTable, docsTableHead } from '@clustermesh/testkit';

import { AccessProbe, isAllowed } from '../testing/access-probe.ts';
import { etcdRequests } from '../testing/etcd-requests.ts';

/** docs/access.md, asked of a real etcd. A column of it is one user or several; a cell is what each of them gets. */
const page = 'access.md';
const nothing = '–';
let probe: AccessProbe;

beforeAll(async () => {
  probe = await AccessProbe.start();
}, 60_000);
afterAll(async () => {
  await probe[Symbol.asyncDispose]();
});

/** Row by row: what is asked, and what each user should get. */
function rows(heading: string): readonly { readonly what: string; readonly want: Readonly<Record<string, string>> }[] {
  const [, ...columns] = docsTableHead(page, heading);
  return docsTable(page, heading).map(([what = '', ...cells]) => {
    const want = columns.flatMap((users, at) => users.split(', ').map((user) => [user, cells[at] ?? ''] as const));
    return { what, want: Object.fromEntries(want) };
  });
}

/** One after the other: a change of members that comes while another is under way is dropped by etcd, and never answered. */
async function forEachUser(
  want: Readonly<Record<string, string>>,
  ask: (user: string) => Promise<string>,
): Promise<Readonly<Record<string, string>>> {
  const got: Record<string, string> = {};
  for (const user of Object.keys(want)) got[user] = await ask(user);
  return got;
}

describe('the certificate of a client', () => {
  it.each(docsTable(page, 'Certificates').map(([presented = '', is = '']) => ({ presented, is })))(
    '$presented: $is',
    async ({ presented, is }) => {
      expect(await probe.whoIs(presented)).toBe(is);
    },
  );
});

describe('keys', () => {
  const table = rows('Keys');

  it.each(table)('$what', async ({ what, want }) => {
    expect(await forEachUser(want, (user) => rightsTo(user, what))).toEqual(want);
  });

  it('are asked for by every user of the page', () => {
    const users = docsTable(page, 'Users').map(([user]) => user);
    expect(Object.keys(table[0]?.want ?? {}).sort()).toEqual([...users].sort());
  });
});

describe('requests', () => {
  it.each(rows('Requests'))('$what', async ({ what, want }) => {
    const [, name = '', release] = /^(.*?)(?:, etcd (\S+))?$/.exec(what) ?? [];
    if (release !== undefined && !isOf(await probe.version(), release)) return;
    const root = await probe.as('root');
    const asked = Object.fromEntries(Object.entries(want).filter(([, cell]) => cell !== 'not asked'));
    const got = await forEachUser(asked, async (user) => {
      const answer = await etcdRequests[name]?.({ user, root, call: await probe.as(user) });
      return answer !== undefined && isAllowed(answer) ? 'ok' : nothing;
    });
    expect(got).toEqual(asked);
  });

  it('of the page are those that are asked', () => {
    const named = docsTable(page, 'Requests').map(([what = '']) => what.replace(/, etcd \S+$/, ''));
    expect(Object.keys(etcdRequests).sort()).toEqual([...new Set(named)].sort());
  });
});

it('an alarm that a stranger raises stops all writing until somebody clears it, as the page warns', async () => {
  const [root, stranger] = [await probe.as('root'), await probe.as('stranger')];
  const put = async (): Promise<string> => (await root('/etcdserverpb.KV/Put', { 1: 'elsewhere', 2: 'x' })).text;
  await stranger('/etcdserverpb.Maintenance/Alarm', { 1: 1, 3: 1 });
  expect(await put()).toMatch(/database space exceeded/);
  await root('/etcdserverpb.Maintenance/Alarm', { 1: 2, 3: 1 });
  expect(await put()).toBe('');
});

/** `3.4` is that release alone, `3.5+` that one and later ones. */
function isOf(version: string, release: string): boolean {
  const order = version.localeCompare(release.replace('+', ''), 'en', { numeric: true });
  return order === 0 || (release.endsWith('+') && order > 0);
}

/** In the words of the page. */
async function rightsTo(user: string, keys: string): Promise<string> {
  const allowed: string[] = [];
  for (const access of ['read', 'watch', 'put', 'delete'] as const) {
    if (await probe.mayAccess(user, access, keys)) allowed.push(access);
  }
  const text = allowed.join(' ');
  return { 'read watch put delete': 'all', 'read watch': 'read', '': nothing }[text] ?? text;
}
