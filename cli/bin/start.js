import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const root = new URL('..', import.meta.url);

/** Runs the sources where they are (a checkout), else the build: a stale build can never run by accident. */
export async function start() {
  const pjson = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  if (existsSync(new URL('src/commands.ts', root))) {
    pjson.oclif.commands.target = './src/commands.ts';
    registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, { ...context, conditions: [...context.conditions, 'mesh-source'] }),
    });
  }
  const { execute } = await import('@oclif/core');
  await execute({ loadOptions: { root: root.pathname, pjson } });
}
