import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from '@jest/globals';

import { actionVerbs, expectationVerbs } from './vocabulary.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The rows of the table below a heading: what is in its first two columns. */
function tableBelow(heading: string): readonly (readonly [string, string])[] {
  const section = readme.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return [...section.matchAll(/^\| `([\w-]+)` +\| (.+?) +\|$/gm)].map(([, name = '', summary = '']) => [name, summary]);
}

describe('scenarios/README.md', () => {
  it.each([
    { heading: 'Actions', verbs: actionVerbs },
    { heading: 'Expectations', verbs: expectationVerbs },
  ])('has a row for each of the $heading, with its words', ({ heading, verbs }) => {
    expect(tableBelow(heading)).toEqual(verbs.map(({ name, summary }) => [name, summary]));
  });

  it('has a row for each scenario, with its summary', () => {
    const directory = fileURLToPath(new URL('..', import.meta.url));
    const files = globSync('*.yaml', { cwd: directory }).sort();
    const scenarios = files.map((file) => {
      const [, summary = ''] = /^summary: (.+)$/m.exec(readFileSync(`${directory}/${file}`, 'utf8')) ?? [];
      return [file.replace('.yaml', ''), summary];
    });
    expect(tableBelow('What there is')).toEqual(scenarios);
  });
});
