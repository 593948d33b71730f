/** Refusals in the words of Kubernetes: people and scripts know them by heart. */
import { KubeStatusError } from '@clustermesh/kube';
import type { KubeStatus, StatusCause } from '@clustermesh/kube';

interface TypeName {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

function qualified(name: string, group: string): string {
  return group === '' ? name : `${name}.${group}`;
}

function refusal(
  code: number,
  reason: string,
  message: string,
  details?: NonNullable<KubeStatus['details']>,
): KubeStatusError {
  return new KubeStatusError({ code, reason, message, ...(details === undefined ? {} : { details }) });
}

function detailsOf(type: TypeName, name: string): { name: string; group: string; kind: string } {
  return { name, group: type.group, kind: type.plural };
}

export function notFound(type: TypeName, name: string): KubeStatusError {
  const message = `${qualified(type.plural, type.group)} "${name}" not found`;
  return refusal(404, 'NotFound', message, detailsOf(type, name));
}

export function noSuchResource(): KubeStatusError {
  return refusal(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function alreadyExists(type: TypeName, name: string): KubeStatusError {
  const message = `${qualified(type.plural, type.group)} "${name}" already exists`;
  return refusal(409, 'AlreadyExists', message, detailsOf(type, name));
}

export function conflict(type: TypeName, name: string, why = staleVersion): KubeStatusError {
  const message = `Operation cannot be fulfilled on ${qualified(type.plural, type.group)} "${name}": ${why}`;
  return refusal(409, 'Conflict', message, detailsOf(type, name));
}
const staleVersion = 'the object has been modified; please apply your changes to the latest version and try again';

/** A server-side apply that would change fields of others. */
export function applyConflict(
  conflicts: readonly { readonly manager: string; readonly path: string }[],
): KubeStatusError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${manager}`,
    field: path,
  }));
  return refusal(409, 'Conflict', conflictText(conflicts), { causes });
}

function conflictText(conflicts: readonly { readonly manager: string; readonly path: string }[]): string {
  const [first, ...more] = conflicts;
  if (first !== undefined && more.length === 0) {
    return `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.path}`;
  }
  const byManager = Map.groupBy(conflicts, ({ manager }) => manager);
  const lines = [...byManager].flatMap(([manager, theirs]) => [
    `conflicts with ${manager}:`,
    ...theirs.map(({ path }) => `- ${path}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

export function invalid(type: TypeName, name: string, causes: readonly StatusCause[]): KubeStatusError {
  const lines = causes.map((cause) => `${cause.field ?? ''}: ${cause.message ?? ''}`);
  const said = lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(', ')}]`;
  const message = `${qualified(type.kind, type.group)} "${name}" is invalid: ${said}`;
  return refusal(422, 'Invalid', message, { name, group: type.group, kind: type.kind, causes });
}

export function forbidden(type: TypeName, name: string, why: string, causes?: readonly StatusCause[]): KubeStatusError {
  const message = `${qualified(type.plural, type.group)} "${name}" is forbidden: ${why}`;
  return refusal(403, 'Forbidden', message, { ...detailsOf(type, name), ...(causes === undefined ? {} : { causes }) });
}

/** What RBAC says of an access that no rule grants. */
export function forbiddenAccess(user: string, access: DeniedAccess): KubeStatusError {
  const who = `User ${JSON.stringify(user)} cannot ${access.verb}`;
  if ('path' in access) return refusal(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(access.path)}`, {});
  const { group, resource, namespace, name } = access;
  const [plural = ''] = resource.split('/');
  const what = name === undefined ? qualified(plural, group) : `${qualified(plural, group)} ${JSON.stringify(name)}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const message = `${what} is forbidden: ${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)} ${where}`;
  return refusal(403, 'Forbidden', message, { ...(name === undefined ? {} : { name }), group, kind: plural });
}

type DeniedAccess =
  | { readonly verb: string; readonly path: string }
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly namespace: string | undefined;
      readonly name: string | undefined;
    };

export function badRequest(message: string): KubeStatusError {
  return refusal(400, 'BadRequest', message);
}

/** Fields that the type does not have, where the client wants to hear of them as of an error. */
export function strictDecodingError(kind: string, version: string, problems: readonly string[]): KubeStatusError {
  return badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${problems.join(', ')}`,
  );
}

/** An applied object with a field that its type does not have, in the words of its typed patch. */
export function untypedPatch(
  { group, kind }: TypeName,
  object: { readonly namespace?: string | undefined; readonly name: string; readonly version: string },
  path: string,
): KubeStatusError {
  const said = `${object.namespace ?? ''}/${object.name}; ${group === '' ? '' : group}/${object.version}, Kind=${kind}`;
  const message = `failed to create typed patch object (${said}): .${path}: field not declared in schema`;
  return refusal(500, '', message);
}

export function unauthorized(): KubeStatusError {
  return refusal(401, 'Unauthorized', 'Unauthorized');
}

export function methodNotAllowed(): KubeStatusError {
  return refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

/** `kubectl exec`, `attach` and `port-forward`. */
export function notStreamed(what: string, pod: string): KubeStatusError {
  const instead = `use clustermesh lab exec CLUSTER ${pod} -- COMMAND`;
  return refusal(405, 'MethodNotAllowed', `${what} is not served by the Kubernetes API of the lab: ${instead}`, {});
}

export function unsupportedMediaType(got: string): KubeStatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml (got ${got})`;
  return refusal(415, 'UnsupportedMediaType', message, {});
}

export function notAcceptable(): KubeStatusError {
  const message = 'only the following media types are accepted: application/json';
  return refusal(406, 'NotAcceptable', message, {});
}

export function tooLarge(maxBytes: number): KubeStatusError {
  return refusal(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${maxBytes}`);
}

export function expired(message: string): KubeStatusError {
  return refusal(410, 'Expired', message);
}

/** A watch from a revision that does not exist yet: only another history can have given it out. */
export function resourceVersionTooLarge(asked: number, current: number): KubeStatusError {
  return refusal(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

export function badGateway(message: string): KubeStatusError {
  return refusal(502, 'ServiceUnavailable', message);
}

/** The causes of `invalid`. */
export function invalidValue(field: string, value: unknown, why: string): StatusCause {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` };
}

export function invalidType(field: string, actual: string, why: string): StatusCause {
  return { ...invalidValue(field, actual, why), reason: 'FieldValueTypeInvalid' };
}

export function unsupportedValue(field: string, value: unknown, allowed: readonly unknown[]): StatusCause {
  const supported = allowed.map((one) => JSON.stringify(one)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
  return { reason: 'FieldValueNotSupported', field, message };
}

export function duplicateValue(field: string, value: unknown): StatusCause {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${JSON.stringify(value)}` };
}

export function tooLong(field: string, most: number): StatusCause {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${most} bytes` };
}

export function tooMany(field: string, actual: number, most: number): StatusCause {
  return { reason: 'FieldValueTooMany', field, message: `Too many: ${actual}: must have at most ${most} items` };
}

export function requiredValue(field: string, why = ''): StatusCause {
  return { reason: 'FieldValueRequired', field, message: why === '' ? 'Required value' : `Required value: ${why}` };
}

export function forbiddenField(field: string, why: string): StatusCause {
  return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${why}` };
}

export function immutableField(field: string, value: unknown): StatusCause {
  return invalidValue(field, value, 'field is immutable');
}
