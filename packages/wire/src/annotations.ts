/** Cilium's annotations on Services and Namespaces (protocol.md §8.1, §8.2, §7.6), so that manifests carry over. */

export type Annotations = Readonly<Record<string, string>> | undefined;

export type ServiceAffinity = 'local' | 'remote' | 'none';

export interface ServiceSharing {
  /** Joined with its namesakes in other clusters: remote backends are used here (includeExternal). */
  readonly global: boolean;
  /** Published to other clusters; never without `global`. */
  readonly shared: boolean;
  /** Which backends are preferred while any of them is healthy. */
  readonly affinity: ServiceAffinity;
}

const global = ['service.cilium.io/global', 'io.cilium/global-service'] as const;
const shared = ['service.cilium.io/shared', 'io.cilium/shared-service'] as const;
const affinity = ['service.cilium.io/affinity', 'io.cilium/service-affinity'] as const;
const namespaceGlobal = 'clustermesh.cilium.io/global';

/** Of one annotation: its name, and a deprecated one. */
type Names = readonly [string, string?];

/** `shared` and `affinity` mean nothing on a service that is not global; an affinity that nobody knows is none. */
export function serviceSharing(annotations: Annotations): ServiceSharing {
  if (read(annotations, global) !== 'true') return { global: false, shared: false, affinity: 'none' };
  const preferred = read(annotations, affinity);
  return {
    global: true,
    shared: (read(annotations, shared) ?? 'true') === 'true',
    affinity: preferred === 'local' || preferred === 'remote' ? preferred : 'none',
  };
}

/** For people: what the annotations of a Service say that means something else than it seems to. One line each. */
export function serviceAnnotationProblems(annotations: Annotations): readonly string[] {
  const isGlobal = read(annotations, global) === 'true';
  const ignored = (names: Names): string[] =>
    !isGlobal && read(annotations, names) !== undefined ? [`${names[0]} is ignored: the service is not global`] : [];
  return [
    ...notOneOf(annotations, global, ['true', 'false'], 'false'),
    ...notOneOf(annotations, shared, ['true', 'false'], 'false'),
    ...notOneOf(annotations, affinity, ['local', 'remote', 'none', ''], 'none'),
    ...ignored(shared),
    ...ignored(affinity),
  ];
}

/** The same of a Namespace. */
export function namespaceAnnotationProblems(annotations: Annotations): readonly string[] {
  return notOneOf(annotations, [namespaceGlobal], ['true', 'false'], 'false');
}

/**
 * May objects of this namespace be published? An absent annotation leaves it to `byDefault`; a namespace that is not
 * known (yet) is `undefined`: neither publish nor withdraw.
 */
export function isNamespaceGlobal(
  namespace: { readonly annotations?: Annotations } | undefined,
  byDefault: boolean,
): boolean | undefined {
  if (namespace === undefined) return undefined;
  const value = own(namespace.annotations, namespaceGlobal);
  return value === undefined ? byDefault : value.toLowerCase() === 'true';
}

function notOneOf(annotations: Annotations, names: Names, known: readonly string[], taken: string): string[] {
  const value = read(annotations, names);
  if (value === undefined || known.includes(value)) return [];
  const wanted = known.filter((each) => each !== '').join(', ');
  return [`${names[0]}: ${JSON.stringify(value)} is none of ${wanted}, and counts as ${taken}`];
}

/** Lower-cased; the name of today wins over its deprecated alias, whatever either says. */
function read(annotations: Annotations, [name, alias = name]: Names): string | undefined {
  return (own(annotations, name) ?? own(annotations, alias))?.toLowerCase();
}

function own(annotations: Annotations, name: string): string | undefined {
  return annotations !== undefined && Object.hasOwn(annotations, name) ? annotations[name] : undefined;
}
