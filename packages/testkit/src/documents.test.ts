import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');
const isOurs = (path: string): boolean => !/(^|\/)(node_modules|dist|collected)$/.test(path);
const pages = globSync('**/*.md', { cwd: root, exclude: (path) => !isOurs(path) });

/** What pages say by a pattern, as `page: what`. */
function said(pattern: RegExp): readonly { readonly page: string; readonly what: string }[] {
  return pages.flatMap((page) => [...textOf(page).matchAll(pattern)].map(([, what = '']) => ({ page, what })));
}

it('pages link to files that exist', () => {
  const links = said(/\]\((?!https?:)([^)#\s]+)/g);
  expect(links.length).toBeGreaterThan(50);
  expect(links.filter(({ page, what }) => !existsSync(join(root, dirname(page), what)))).toEqual([]);
});

it('pages name paths that exist', () => {
  const paths = said(/`((?:[\w.-]+\/)+[\w.-]*)`/g).filter(({ what }) =>
    existsSync(join(root, what.split('/')[0] ?? '')),
  );
  expect(paths.length).toBeGreaterThan(50);
  const place = (page: string, what: string): string => join(root, what.startsWith('..') ? dirname(page) : '', what);
  expect(paths.filter(({ page, what }) => !existsSync(place(page, what)))).toEqual([]);
});

it('the index of decisions has each of them, under its number and title', () => {
  const index = textOf('docs/adr/README.md');
  const files = readdirSync(join(root, 'docs/adr')).filter((name) => /^\d{4}-/.test(name));
  const rows = files.map((file) => {
    const [, number = '', title = ''] = /^# (\d+)\. (.+)$/m.exec(textOf(`docs/adr/${file}`)) ?? [];
    return `- ${number} [${title}](${file})`;
  });
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter((row) => !index.includes(row))).toEqual([]);
});
