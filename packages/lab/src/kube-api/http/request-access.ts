import type { IncomingMessage } from 'node:http';

import type { Access } from '../access/authorizer.ts';
import type { ResourceRoute } from './route.ts';

const verbByMethod: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** What a request for a resource needs to be allowed. */
export function accessTo({ method = '' }: IncomingMessage, route: ResourceRoute, query: URLSearchParams): Access {
  const { group, plural } = route.type;
  return {
    verb: verbOf(method, route, query),
    group,
    resource: route.subresource === undefined ? plural : `${plural}/${route.subresource}`,
    // A namespace is in itself, so that its own roles can grant access to it.
    namespace: route.namespace ?? (group === '' && plural === 'namespaces' ? route.name : undefined),
    name: nameOf(route, query),
  };
}

function verbOf(method: string, { name, type }: ResourceRoute, query: URLSearchParams): string {
  const verb = verbByMethod[method] ?? method.toLowerCase();
  if (name !== undefined || type.plural === '') return verb;
  const watch = query.get('watch');
  if (verb === 'get') return watch === null || watch === 'false' || watch === '0' ? 'list' : 'watch';
  return verb === 'delete' ? 'deletecollection' : verb;
}

/** Whoever lists one object by its name asks for no more than that. A proxied pod's port is not part of its name. */
function nameOf({ name, subresource }: ResourceRoute, query: URLSearchParams): string | undefined {
  if (name !== undefined) return subresource === 'proxy' ? name.replace(/:.*$/, '') : name;
  return /^metadata\.name==?(?<name>[^,]+)$/.exec(query.get('fieldSelector') ?? '')?.groups?.['name'];
}
