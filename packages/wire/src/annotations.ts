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
  /** For people: an annotation that says nothing we know and was taken as absent. */
  readonly problem?: string;
}

const global = ['service.cilium.io/global', 'io.cilium/global-service'] as const;
const shared = ['service.cilium.io/shared', 'io.cilium/shared-service'] as const;
const affinity = ['service.cilium.io/affinity', 'io.cilium/service-affinity'] as const;
const namespaceGlobal = 'clustermesh.cilium.io/global';

/** `shared` and `affinity` mean nothing on a service that is not global. */
export function serviceSharing(annotations: Annotations): ServiceSharing {
  if (read(annotations, global) !== 'true') return { global: false, shared: false, affinity: 'none' };
  const preferred = read(annotations, affinity) ?? '';
  const isShared = (read(annotations, shared) ?? 'true') === 'true';
  if (preferred === 'local' || preferred === 'remote' || preferred === 'none') {
    return { global: true, shared: isShared, affinity: preferred };
  }
  const sharing: ServiceSharing = { global: true, shared: isShared, affinity: 'none' };
  return preferred === '' ? sharing : { ...sharing, problem: `unknown service affinity ${JSON.stringify(preferred)}` };
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

/** Lower-cased; the name of today wins over its deprecated alias, whatever either says. */
function read(annotations: Annotations, [name, alias]: readonly [string, string]): string | undefined {
  return (own(annotations, name) ?? own(annotations, alias))?.toLowerCase();
}

function own(annotations: Annotations, name: string): string | undefined {
  return annotations !== undefined && Object.hasOwn(annotations, name) ? annotations[name] : undefined;
}
