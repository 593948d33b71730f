import type { TypeRef } from '../resource-slot.ts';

export interface ResourceRoute {
  readonly kind: 'resource';
  readonly type: TypeRef;
  readonly namespace: string | undefined;
  /** Undefined: the whole collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What follows the subresource, as `/path/in/pod` of `pods/NAME/proxy`; '' if nothing does. */
  readonly rest: string;
}

export type Route =
  | ResourceRoute
  /** `/api/v1` or `/apis/GROUP/VERSION`. */
  | { readonly kind: 'group-version'; readonly group: string; readonly version: string }
  | { readonly kind: 'group'; readonly group: string }
  | { readonly kind: 'groups' }
  | { readonly kind: 'core-versions' }
  | { readonly kind: 'version' }
  | { readonly kind: 'health' }
  | { readonly kind: 'openapi-v2' }
  | { readonly kind: 'openapi-v3'; readonly groupVersion: string | undefined }
  | { readonly kind: 'unknown' };

/** Subresources of namespaces look like resources in them. */
const namespaceSubresources = ['status', 'finalize'];

/** What a path of the Kubernetes API names. */
export function parseRoute(path: string): Route {
  const segments = path.split('/').slice(1).map(decode);
  if (segments.includes(undefined)) return { kind: 'unknown' };
  const [root = '', ...rest] = withoutEmpty(segments as string[]);
  return parsers.get(root)?.(rest) ?? { kind: 'unknown' };
}

const parsers = new Map<string, (segments: readonly string[]) => Route | undefined>([
  ['api', (rest) => (rest.length === 0 ? { kind: 'core-versions' } : withinGroup('', rest))],
  ['apis', parseGroups],
  ['openapi', openapiRoute],
  ['version', () => ({ kind: 'version' })],
  ['healthz', () => ({ kind: 'health' })],
  ['livez', () => ({ kind: 'health' })],
  ['readyz', () => ({ kind: 'health' })],
]);

function parseGroups([group, ...rest]: readonly string[]): Route {
  if (group === undefined) return { kind: 'groups' };
  return rest.length === 0 ? { kind: 'group', group } : withinGroup(group, rest);
}

function openapiRoute([version, ...rest]: readonly string[]): Route | undefined {
  if (version === 'v2' && rest.length === 0) return { kind: 'openapi-v2' };
  if (version !== 'v3') return undefined;
  return { kind: 'openapi-v3', groupVersion: rest.length === 0 ? undefined : rest.join('/') };
}

/** Doubled and trailing slashes mean nothing, but in what is for a pod to read. */
function withoutEmpty(segments: readonly string[]): readonly string[] {
  const proxy = segments.indexOf('proxy');
  return segments.filter((segment, index) => segment !== '' || (proxy !== -1 && index > proxy));
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function withinGroup(group: string, segments: readonly string[]): Route {
  const [version = '', ...path] = segments;
  if (path.length === 0) return { kind: 'group-version', group, version };
  const [first, namespace, plural = ''] = path;
  const isInNamespace =
    first === 'namespaces' && path.length > 2 && !(path.length === 3 && namespaceSubresources.includes(plural));
  const [resource = '', name, subresource, ...rest] = isInNamespace ? path.slice(2) : path;
  return {
    kind: 'resource',
    type: { group, version, plural: resource },
    namespace: isInNamespace ? namespace : undefined,
    name,
    subresource,
    rest: rest.length === 0 ? '' : `/${rest.map(encodeURIComponent).join('/')}`,
  };
}
