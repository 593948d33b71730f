import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Section {
  readonly number: string;
  readonly text: string;
}

/** Of sections that have subsections, these alone. */
function sectionsOf(page: string): readonly Section[] {
  const parts = read(page).split(/^##+ (?=\d)/m);
  const all = parts.slice(1).map((text) => ({ number: /^\d+(?:\.\d+)?/.exec(text)?.[0] ?? '', text }));
  return all.filter(({ number }) => !all.some((other) => other.number.startsWith(`${number}.`)));
}

const sections = sectionsOf('docs/interop.md');
const claims = sections.flatMap(({ number, text }) =>
  [...text.replaceAll(/\n +/g, ' ').matchAll(/^- `([^`]+)`: (.+)$/gm)].map(([, file = '', names = '']) => ({
    ...{ number, file },
    names: [...names.matchAll(/"(.+?)"(?=;|$)/g)].map(([, name = '']) => name),
  })),
);

/** Names of tests and of rows of their tables stand in quotes, steps of a scenario on a line of their own. */
function has(file: string, name: string): boolean {
  const text = read(file).replaceAll(String.raw`\u2019`, '’');
  if (file.endsWith('.yaml')) return text.includes(`- name: ${name}\n`);
  return ["'", '"'].some((quote) => text.includes(quote + name + quote));
}

it('docs/interop.md has every section of the protocol, once and in its order', () => {
  const wanted = sectionsOf('docs/spec/protocol.md').map(({ number }) => number);
  expect(sections.map(({ number }) => number)).toEqual(wanted.filter((number) => !number.startsWith('0')));
  expect(sections.filter(({ text }) => !/^(?:- |1\. )/m.test(text))).toEqual([]);
});

it('docs/interop.md names tests that are there', () => {
  expect(claims.length).toBeGreaterThan(150);
  const missing = claims.flatMap(({ number, file, names }) =>
    existsSync(join(root, file))
      ? names.filter((name) => !has(file, name)).map((name) => `${number} ${file}: ${name}`)
      : [`${number} ${file}`],
  );
  expect(missing).toEqual([]);
  expect(claims.filter(({ names }) => names.length === 0)).toEqual([]);
});
