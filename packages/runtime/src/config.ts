import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';

import { MeshError, describeError } from './errors.ts';

export interface ConfigInput {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ConfigOption {
  readonly key: string;
  readonly flag: string;
  readonly env: string;
  readonly isBoolean: boolean;
  /** A list in parts: a flag that is given several times adds up. Of others the last one counts. */
  readonly isRepeatable: boolean;
  /** Has no default, and the program does not start without it. */
  readonly isRequired: boolean;
  /** As it would be given: a setting must fit into one flag. */
  readonly defaultValue: string | number | boolean | undefined;
  readonly description: string;
}

export interface ConfigDefinition<S extends z.ZodObject> {
  readonly options: readonly ConfigOption[];
  /** defaults < --config file (YAML) < environment < flags. Throws CONFIG_INVALID naming every wrong setting. */
  load(input: ConfigInput): z.output<S>;
  /** Text for --help. */
  help(usage: string): string;
}

/**
 * One zod schema gives flags (`--cluster-name`), environment (`CLUSTERMESH_CLUSTER_NAME`) and YAML keys
 * (`clusterName`). Values from flags and environment are text: schemas of numbers use z.coerce.
 * Lists are given as a comma-separated text, a schema with `.meta({ repeatable: true })` also in several flags.
 */
export function defineConfig<S extends z.ZodObject>(schema: S, envPrefix = 'CLUSTERMESH_'): ConfigDefinition<S> {
  const options = Object.entries(schema.shape).map(([key, field]) =>
    describeOption(key, field as z.ZodType, envPrefix),
  );
  return {
    options,
    load: (input) => {
      const flags = readFlags(options, input.argv);
      const file = flags.get('config')?.toString();
      const merged = {
        ...(file === undefined ? {} : readFile(file)),
        ...readEnv(options, input.env ?? process.env),
        ...Object.fromEntries([...flags].filter(([key]) => key !== 'config')),
      };
      const parsed = schema.strict().safeParse(merged);
      if (parsed.success) return parsed.data as z.output<S>;
      throw new MeshError(
        'CONFIG_INVALID',
        parsed.error.issues.map((issue) => explainIssue(issue, options)).join('; '),
      );
    },
    help: (usage) => [usage, '', 'Options:', ...[...options, configOption].map(helpLine), '', sources].join('\n'),
  };
}

const configOption: ConfigOption = {
  key: 'config',
  flag: 'config',
  env: '',
  isBoolean: false,
  isRepeatable: false,
  isRequired: false,
  defaultValue: undefined,
  description: 'YAML file of settings',
};

const sources =
  'A setting is taken from its flag, else from the environment (CLUSTERMESH_CLUSTER_NAME for --cluster-name), else from\n' +
  'the file of --config (clusterName), else its default holds.';

function describeOption(key: string, field: z.ZodType, envPrefix: string): ConfigOption {
  const flag = key.replace(/[A-Z]+/g, (upper) => `-${upper.toLowerCase()}`);
  const layers = layersOf(field);
  return {
    key,
    flag,
    env: envPrefix + flag.toUpperCase().replaceAll('-', '_'),
    isBoolean: layers.at(-1) instanceof z.ZodBoolean,
    isRepeatable: field.meta()?.['repeatable'] === true,
    isRequired: !layers.some((layer) => hasDefault(layer) || layer instanceof z.ZodOptional),
    defaultValue: layers.find(hasDefault)?.def.defaultValue as ConfigOption['defaultValue'],
    description: field.description ?? '',
  };
}

/** A field and what it is made of, from outside to the type of its input. */
function layersOf(field: z.ZodType): readonly z.ZodType[] {
  if (field instanceof z.ZodPipe) return [field, ...layersOf(field.in as z.ZodType)];
  if (hasDefault(field) || field instanceof z.ZodOptional) return [field, ...layersOf(field.unwrap() as z.ZodType)];
  return [field];
}

function hasDefault(field: z.ZodType): field is z.ZodDefault | z.ZodPrefault {
  return field instanceof z.ZodDefault || field instanceof z.ZodPrefault;
}

function readFlags(options: readonly ConfigOption[], argv: readonly string[]): Map<string, string | boolean> {
  const all = [...options, configOption];
  try {
    const { values } = parseArgs({
      args: argv.map((arg) => (isBareBoolean(all, arg) ? `${arg}=true` : arg)),
      options: Object.fromEntries(all.map((o) => [o.flag, { type: 'string' as const, multiple: true }])),
      allowPositionals: false,
      strict: true,
    });
    return new Map(
      all.flatMap((o) => {
        const texts = (values[o.flag] ?? []).map(String);
        const text = o.isRepeatable && texts.length > 0 ? texts.join(',') : texts.at(-1);
        return text === undefined ? [] : [[o.key, coerce(o, text)]];
      }),
    );
  } catch (error) {
    throw new MeshError('CONFIG_INVALID', describeError(error));
  }
}

/** `--debug` means `--debug=true`, as in Go's flag packages. */
function isBareBoolean(options: readonly ConfigOption[], arg: string): boolean {
  return options.some((option) => option.isBoolean && arg === `--${option.flag}`);
}

function readEnv(options: readonly ConfigOption[], env: Readonly<Record<string, string | undefined>>): object {
  const found = options.flatMap((o) => {
    const text = env[o.env];
    return text === undefined ? [] : [[o.key, coerce(o, text)] as const];
  });
  return Object.fromEntries(found);
}

function coerce(option: ConfigOption, text: string): string | boolean {
  if (!option.isBoolean) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new MeshError('CONFIG_INVALID', `--${option.flag} must be true or false, not "${text}"`);
}

function readFile(path: string): object {
  try {
    const content: unknown = parseYaml(readFileSync(path, 'utf8')) ?? {};
    if (typeof content !== 'object' || Array.isArray(content)) throw new Error('must be a mapping of settings');
    return content as object;
  } catch (error) {
    throw new MeshError('CONFIG_INVALID', `read configuration file ${path}`, { cause: error });
  }
}

function explainIssue(issue: z.core.$ZodIssue, options: readonly ConfigOption[]): string {
  if (issue.code === 'unrecognized_keys') return `unknown setting ${issue.keys.join(', ')}`;
  const option = options.find((candidate) => candidate.key === issue.path[0]);
  return option === undefined ? issue.message : `--${option.flag} (or ${option.env}): ${issue.message}`;
}

function helpLine(option: ConfigOption): string {
  const { flag, description, defaultValue, isRequired } = option;
  const fallback = defaultValue === undefined || defaultValue === '' ? '' : ` (default ${defaultValue})`;
  return `  --${flag.padEnd(36)} ${description}${isRequired ? ' (required)' : fallback}`;
}
