#!/usr/bin/env node
// The one program of Cilium's image, whose charts and tools call it by that name: its first word says what it is to be.
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const root = new URL('../../', import.meta.url);
const places = new Map([
  ['clustermesh', 'clustermesh-apiserver'],
  ['etcdinit', 'clustermesh-apiserver'],
  ['kvstoremesh', 'kvstoremesh'],
  ['kvstoremesh-dbg', 'cli'],
]);
const [word = ''] = process.argv.slice(2);

if (word === 'version') {
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  console.log(`clustermesh-apiserver ${version}, Node ${process.versions.node}`);
} else if (word === '' || word === '--help' || word === '-h') {
  console.log(`Usage: clustermesh-apiserver ${[...places.keys(), 'version'].join(' | ')}   (each has --help)`);
} else if (places.get(word) === 'cli') {
  const { start } = await import(new URL('cli/bin/start.js', root).href);
  await start();
} else if (!word.startsWith('-') && !places.has(word)) {
  console.error(`unknown command "${word}": there are ${[...places.keys(), 'version'].join(', ')}`);
  process.exitCode = 2;
} else {
  // Until Cilium 1.14 there was one thing to be, and no word.
  await run(places.get(word) ?? 'clustermesh-apiserver');
}

/** @param {string} place Runs the sources where they are (a checkout), else the build. */
async function run(place) {
  const source = new URL(`${place}/src/main.ts`, root);
  if (!existsSync(source)) return import(new URL(`${place}/dist/main.js`, root).href);
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: [...context.conditions, 'mesh-source'] }),
  });
  return import(source.href);
}
