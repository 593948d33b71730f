import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const pages = globSync(['*.md', 'docs/**/*.md', 'bpf/*.md', 'deploy/*.md', 'bench/*.md'], { cwd: root });

it.each(pages)('%s: everything that it links to is there', (page) => {
  const text = readFileSync(join(root, page), 'utf8');
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path = '']) => join(dirname(page), path));
  expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

it('ARCHITECTURE.md: every path that it names is there', () => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const places = '(?:agent|bench|bpf|cli|clustermesh-apiserver|deploy|docs|kvstoremesh|packages|scenarios|tools)';
  const paths = [...text.matchAll(new RegExp(`\`(${places}/[^\`]*)\``, 'g'))].map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(30);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
