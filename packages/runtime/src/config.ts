import { z } from 'zod';

import { readConfigFile, readConfigFolder } from './config-files.ts';
import { MeshError } from './errors.ts';
import { parseBoolean, readFlags } from './flags.ts';

export interface ConfigInput {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ConfigOption {
  readonly key: string;
  readonly flag: string;
  /** One letter that stands for the flag. */
  readonly short: string | undefined;
  readonly env: string;
  readonly isBoolean: boolean;
  /** A list in parts: a flag that is given several times adds up. Of others the last one counts. */
  readonly isRepeatable: boolean;
  /** Has no default, and the program does not start without it. */
  readonly isRequired: boolean;
  /** As it would be given: a setting must fit into one flag. */
  readonly defaultValue: string | number | boolean | undefined;
  readonly description: string;
  /** Taken for the sake of those who give it, and without effect: the description says why, or what there is instead. */
  readonly isInert: boolean;
}

export interface ConfigDefinition<S extends z.ZodObject> {
  readonly options: readonly ConfigOption[];
  /**
   * defaults < --config-dir (a file a setting) < --config file (YAML) < environment < flags. Throws CONFIG_INVALID naming
   * every wrong setting.
   */
  load(input: ConfigInput): z.output<S>;
  /** Settings that were given and have no effect. */
  inert(input: ConfigInput): readonly ConfigOption[];
  /** Text for --help. */
  help(usage: string): string;
}

type Given = Readonly<Record<string, string | boolean>>;

/** The first one is ours and wins; the other is what Cilium's charts and people write. */
const usualPrefixes = ['CLUSTERMESH_', 'CILIUM_'];

/**
 * One zod schema gives flags (`--cluster-name`), environment (`CLUSTERMESH_CLUSTER_NAME`) and YAML keys
 * (`clusterName`). Values from flags, environment and folders are text: schemas of numbers use z.coerce.
 * Lists are given as a comma-separated text, a schema with `.meta({ repeatable: true })` also in several flags; `short`
 * and `inert: true` are ConfigOption's. `prefixes` are those of the environment's names; the first one wins.
 */
export function defineConfig<S extends z.ZodObject>(schema: S, ...prefixes: readonly string[]): ConfigDefinition<S> {
  const names = prefixes.length > 0 ? prefixes : usualPrefixes;
  const options = Object.entries(schema.shape).map(([key, field]) => describeOption(key, field as z.ZodType, names));
  return {
    options,
    load: (input) => {
      const given = readSources(options, input, names);
      const parsed = schema.strict().safeParse(given);
      if (parsed.success) return parsed.data as z.output<S>;
      throw new MeshError(
        'CONFIG_INVALID',
        parsed.error.issues.map((issue) => explainIssue(issue, options, given)).join('; '),
      );
    },
    inert: (input) => {
      const given = readSources(options, input, names);
      return options.filter(({ key, isInert }) => isInert && key in given);
    },
    help: (usage) => [usage, '', 'Options:', ...[...options, ...sourceOptions].map(helpLine), '', sources].join('\n'),
  };
}

const sourceOption = {
  ...{ short: undefined, isBoolean: false, isRepeatable: false, isRequired: false },
  ...{ defaultValue: undefined, isInert: false },
};
const sourceOptions: readonly ConfigOption[] = [
  { ...sourceOption, key: 'config', flag: 'config', env: 'CLUSTERMESH_CONFIG', description: 'YAML file of settings' },
  {
    ...sourceOption,
    ...{ key: 'configDir', flag: 'config-dir', env: 'CLUSTERMESH_CONFIG_DIR' },
    description:
      'folder of settings, a file each: its name is the flag’s; what this program does not know is passed over',
  },
];

const sources =
  'A setting is taken from its flag, else from the environment (CLUSTERMESH_CLUSTER_NAME for --cluster-name, or\n' +
  'CILIUM_CLUSTER_NAME), else from the file of --config (clusterName), else from the folder of --config-dir\n' +
  '(cluster-name), else its default holds.';

function readSources(
  options: readonly ConfigOption[],
  input: ConfigInput,
  prefixes: readonly string[],
): Readonly<Record<string, unknown>> {
  const all = [...options, ...sourceOptions];
  const texts = readFlags(all, input.argv);
  const flags = Object.fromEntries(
    all.flatMap((option) => {
      const given = texts.get(option.flag);
      return given === undefined ? [] : [[option.key, coerce(option, joined(option, given))] as const];
    }),
  );
  // The one place that reads it (eslint n/no-process-env).
  const environment = input.env ?? process.env;
  const env = { ...readEnv(sourceOptions, usualPrefixes, environment), ...readEnv(options, prefixes, environment) };
  const { config: file, configDir: folder, ...merged }: Given = { ...env, ...flags };
  return {
    ...(folder === undefined ? {} : readFolder(options, String(folder))),
    ...(file === undefined ? {} : readConfigFile(String(file))),
    ...merged,
  };
}

function joined({ isRepeatable }: ConfigOption, texts: readonly string[]): string {
  return isRepeatable ? texts.join(',') : (texts.at(-1) ?? '');
}

function describeOption(key: string, field: z.ZodType, prefixes: readonly string[]): ConfigOption {
  const flag = key.replace(/[A-Z]+/g, (upper) => `-${upper.toLowerCase()}`);
  const layers = layersOf(field);
  const meta = field.meta() as { repeatable?: true; short?: string; inert?: true } | undefined;
  return {
    key,
    flag,
    short: meta?.short,
    env: envName(prefixes[0] ?? '', flag),
    isBoolean: layers.at(-1) instanceof z.ZodBoolean,
    isRepeatable: meta?.repeatable === true,
    isRequired: !layers.some((layer) => hasDefault(layer) || layer instanceof z.ZodOptional),
    defaultValue: layers.find(hasDefault)?.def.defaultValue as ConfigOption['defaultValue'],
    description: field.description ?? '',
    isInert: meta?.inert === true,
  };
}

function envName(prefix: string, flag: string): string {
  return prefix + flag.toUpperCase().replaceAll('-', '_');
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

function readEnv(
  options: readonly ConfigOption[],
  prefixes: readonly string[],
  env: NonNullable<ConfigInput['env']>,
): Given {
  const found = options.flatMap((option) => {
    // Cilium takes an empty one for none.
    const [ours, theirs] = prefixes.map((prefix) => env[envName(prefix, option.flag)]);
    const text = ours ?? (theirs === '' ? undefined : theirs);
    return text === undefined ? [] : [[option.key, coerce(option, text)] as const];
  });
  return Object.fromEntries(found);
}

/** Such a folder is several programs': what is not known here is another's. */
function readFolder(options: readonly ConfigOption[], path: string): Given {
  const texts = readConfigFolder(path);
  const found = options.flatMap((option) => {
    const text = texts.get(option.flag);
    return text === undefined ? [] : [[option.key, coerce(option, text)] as const];
  });
  return Object.fromEntries(found);
}

function coerce(option: ConfigOption, text: string): string | boolean {
  if (!option.isBoolean) return text;
  const value = parseBoolean(text);
  if (value !== undefined) return value;
  throw new MeshError('CONFIG_INVALID', `--${option.flag} must be true or false, not "${text}"`);
}

function explainIssue(
  issue: z.core.$ZodIssue,
  options: readonly ConfigOption[],
  given: Readonly<Record<string, unknown>>,
): string {
  if (issue.code === 'unrecognized_keys') return `unknown setting ${issue.keys.join(', ')}`;
  const option = options.find((candidate) => candidate.key === issue.path[0]);
  if (option === undefined) return issue.message;
  const isMissing = option.isRequired && given[option.key] === undefined;
  return `--${option.flag} (or ${option.env}): ${isMissing ? 'required' : issue.message}`;
}

function helpLine(option: ConfigOption): string {
  const { flag, short, description, defaultValue, isRequired } = option;
  const names = short === undefined ? `--${flag}` : `--${flag}, -${short}`;
  const fallback = defaultValue === undefined || defaultValue === '' ? '' : ` (default ${defaultValue})`;
  return `  ${names.padEnd(38)} ${description}${isRequired ? ' (required)' : fallback}`;
}
