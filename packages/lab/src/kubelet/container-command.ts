import type { Container, Pod } from '@clustermesh/kube';
import { ok, refuse } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';

import type { LocalNames } from './local-names.ts';
import type { ObjectFiles } from './object-files.ts';
import { imageName } from './programs.ts';
import type { ProgramTable } from './programs.ts';

type EnvVar = NonNullable<Container['env']>[number];

export interface ContainerContext {
  readonly pod: Pod;
  /** Of one or both families, the first one first. */
  readonly podIps: readonly string[];
  readonly hostIp: string;
  readonly programs: ProgramTable;
  readonly names: LocalNames;
  readonly objects: ObjectFiles;
}

export interface ContainerCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * What to run for a container, with `$(VAR)` expanded and names of its own replaced by those of this machine. The image
 * stands for its entrypoint; `command` replaces it, as in Kubernetes, and names a program of this machine.
 */
export function containerCommand(container: Container, context: ContainerContext): Result<ContainerCommand> {
  const entrypoint = context.programs.get(imageName(container.image));
  if (entrypoint === undefined) return refuse(`no local program stands for image ${container.image}`);
  const env = containerEnv(container, context);
  if (!env.ok) return env;
  const translate = (text: string): string => context.names.translate(expand(text, env.value));
  const start = container.command === undefined ? entrypoint : container.command.map(translate);
  return ok({
    argv: [...start, ...(container.args ?? []).map(translate)],
    env: Object.fromEntries([...env.value].map(([name, value]) => [name, context.names.translate(value)])),
  });
}

function containerEnv(container: Container, context: ContainerContext): Result<ReadonlyMap<string, string>> {
  const env = new Map<string, string>();
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, env, context);
    if (!value.ok) return value;
    if (value.value !== undefined) env.set(variable.name, value.value);
  }
  return ok(env);
}

function valueOf(
  { name, value, valueFrom }: EnvVar,
  env: ReadonlyMap<string, string>,
  context: ContainerContext,
): Result<string | undefined> {
  if (valueFrom === undefined) return ok(expand(value ?? '', env));
  if (valueFrom.fieldRef !== undefined) return fieldValue(valueFrom.fieldRef.fieldPath, context);
  const kind = valueFrom.secretKeyRef === undefined ? 'configMap' : 'secret';
  const selector = valueFrom.secretKeyRef ?? valueFrom.configMapKeyRef;
  if (selector === undefined) return refuse(`the source of variable ${name} is not supported in the lab`);
  const bytes = context.objects.data(kind, context.pod.metadata.namespace ?? '', selector.name)?.get(selector.key);
  if (bytes === undefined && selector.optional !== true) {
    return refuse(`${kind} "${selector.name}" has no key ${selector.key}`);
  }
  return ok(bytes?.toString());
}

/** The downward API, as Kubernetes documents it for environment variables. */
function fieldValue(path: string, { pod, podIps, hostIp }: ContainerContext): Result<string | undefined> {
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript !== null) {
    const values = subscript[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations;
    return ok(values?.[subscript[2] ?? ''] ?? '');
  }
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName ?? 'default',
    'status.podIP': podIps[0] ?? '',
    'status.podIPs': podIps.join(','),
    'status.hostIP': hostIp,
    'status.hostIPs': hostIp,
  };
  const value = fields[path];
  return value === undefined ? refuse(`field ${path} is not supported in the lab`) : ok(value);
}

/** `$(NAME)` of a known variable is replaced, of an unknown one stays; `$$(NAME)` means a literal `$(NAME)`. */
export function expand(text: string, env: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\$|\(([A-Za-z_][\w.-]*)\))/g, (whole, escaped: string, name: string | undefined) => {
    if (escaped === '$') return '$';
    return name === undefined ? whole : (env.get(name) ?? whole);
  });
}
