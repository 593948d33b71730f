/** What little the API adds to types that are mostly stored as they come. */
import type { ConfigMap, EndpointSlice, Event, Namespace, Secret, StatusCause } from '@clustermesh/kube';

import { forbiddenField, immutableField, invalidValue, requiredValue, tooLong } from '../api-errors.ts';
import { isDeepEqual } from '../api-object.ts';
import type { Strategy } from '../resource-type.ts';

/** The label lets selectors choose namespaces by name. */
export const namespaceStrategy: Strategy<Namespace> = {
  defaults: (namespace) => ({
    ...namespace,
    metadata: {
      ...namespace.metadata,
      labels: { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': namespace.metadata.name },
    },
    spec: { finalizers: ['kubernetes'], ...namespace.spec },
  }),
  onCreate: (namespace) => ({ ...namespace, status: { phase: 'Active' } }),
};

export const secretStrategy: Strategy<Secret> = {
  defaults: ({ stringData, ...secret }) => {
    const encoded = Object.entries(stringData ?? {}).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
    const data = { ...secret.data, ...(Object.fromEntries(encoded) as Record<string, string>) };
    return { type: 'Opaque', ...secret, ...(secret.data === undefined && encoded.length === 0 ? {} : { data }) };
  },
  validate: (secret, old) => [
    ...checkImmutable(secret, old),
    ...(old === undefined || old.type === secret.type ? [] : [immutableField('type', secret.type)]),
  ],
};

export const configMapStrategy: Strategy<ConfigMap> = { validate: checkImmutable };

function checkImmutable(
  object: ConfigMap & Pick<Secret, 'type'>,
  old: (ConfigMap & Pick<Secret, 'type'>) | undefined,
): StatusCause[] {
  if (old?.immutable !== true) return [];
  const isKept = object.immutable === true && isDeepEqual(object.data, old.data);
  return isKept ? [] : [forbiddenField('data', 'field is immutable when `immutable` is set')];
}

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  defaults: (slice) => ({
    ...slice,
    endpoints: slice.endpoints ?? [],
    ports: slice.ports?.map((port) => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' })) ?? [],
  }),
  validate: (slice, old) =>
    old === undefined || old.addressType === slice.addressType
      ? []
      : [immutableField('addressType', slice.addressType)],
};

export const eventStrategy: Strategy<Event> = { validate: checkEvent };

/** A new event (one with a time of its own) must say everything; an old one only what it is about. */
function checkEvent({ metadata, involvedObject, message = '', ...event }: Event): StatusCause[] {
  // A body without it decodes to an empty reference in Go; here it may be missing altogether.
  const about = involvedObject as Event['involvedObject'] | undefined;
  if (about === undefined) return [requiredValue('involvedObject')];
  const namespace = about.namespace ?? '';
  const isThere = namespace === metadata.namespace || (namespace === '' && metadata.namespace === 'default');
  const { reportingComponent, reportingInstance, action, reason, type } = event;
  const needed = Object.entries({ reportingComponent, reportingInstance, action, reason, type });
  const missing = event.eventTime === undefined ? [] : needed.filter(([, value]) => (value ?? '') === '');
  return [
    ...(isThere ? [] : [invalidValue('involvedObject.namespace', namespace, 'does not match event.namespace')]),
    ...missing.map(([field]) => requiredValue(field)),
    ...(event.eventTime !== undefined && Buffer.byteLength(message) > maxNoteBytes
      ? [tooLong('message', maxNoteBytes)]
      : []),
  ];
}
const maxNoteBytes = 1024;
