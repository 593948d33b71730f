import type { Volume } from '@clustermesh/kube';
import { ok, refuse } from '@clustermesh/runtime';
import type { Result } from '@clustermesh/runtime';

/** Relative path → content. */
export type Files = ReadonlyMap<string, Buffer>;

/** The Secrets and ConfigMaps of one cluster, as keys and bytes. */
export interface ObjectFiles {
  /** Undefined when there is no such object. */
  data(kind: 'secret' | 'configMap', namespace: string, name: string): Files | undefined;
}

/** What the sources of all three volume types have in common. */
interface Source {
  readonly kind: 'secret' | 'configMap';
  readonly name: string;
  readonly items?: readonly { readonly key: string; readonly path: string }[];
  readonly optional?: boolean;
}

/** Does the content of this volume come from objects, and so follows them? */
export function isFromObjects({ secret, configMap, projected }: Volume): boolean {
  return secret !== undefined || configMap !== undefined || projected !== undefined;
}

/** The files of a secret, configMap or projected volume; refused while an object that is not optional is missing. */
export function volumeFiles(volume: Volume, namespace: string, objects: ObjectFiles): Result<Files> {
  const files = new Map<string, Buffer>();
  for (const source of sourcesOf(volume)) {
    const found = sourceFiles(source, namespace, objects);
    if (!found.ok) return found;
    for (const [path, bytes] of found.value) files.set(path, bytes);
  }
  return ok(files);
}

function sourcesOf({ secret, configMap, projected }: Volume): readonly Source[] {
  if (secret !== undefined) return [{ ...secret, kind: 'secret', name: secret.secretName }];
  if (configMap !== undefined) return [{ name: '', ...configMap, kind: 'configMap' }];
  return (projected?.sources ?? []).flatMap((source): readonly Source[] => [
    ...(source.secret === undefined ? [] : [{ name: '', ...source.secret, kind: 'secret' as const }]),
    ...(source.configMap === undefined ? [] : [{ name: '', ...source.configMap, kind: 'configMap' as const }]),
  ]);
}

function sourceFiles(source: Source, namespace: string, objects: ObjectFiles): Result<Files> {
  const data = objects.data(source.kind, namespace, source.name);
  if (data === undefined) {
    return source.optional === true ? ok(new Map()) : refuse(`${source.kind} "${source.name}" not found`);
  }
  if (source.items === undefined) return ok(data);
  const files = new Map<string, Buffer>();
  for (const { key, path } of source.items) {
    const bytes = data.get(key);
    if (bytes !== undefined) files.set(path, bytes);
    else if (source.optional !== true) return refuse(`${source.kind} "${source.name}" has no key ${key}`);
  }
  return ok(files);
}
