/**
 * The imperative commands of kubectl (`create namespace | configmap | secret | deployment | service |
 * serviceaccount | role | rolebinding`, `auth can-i`) send protobuf, whatever the server accepts. Field numbers: generated.proto of k8s.io/api, stable
 * by protobuf's own rules; only what those commands write is listed.
 */
import { badRequest, unsupportedMediaType } from '../api-errors.ts';
import { asBytes, asInteger, asText, readMessage, wireFields } from './protobuf-reader.ts';
import type { ProtobufField, ProtobufMessage, WireValue } from './protobuf-reader.ts';

type Named = (name: string) => ProtobufField;

function field(read: ProtobufField['read'], keepsZero = false): Named {
  return (name) => ({ name, read, keepsZero });
}

const text = field(asText);
const integer = field(asInteger);
const optionalInteger = field(asInteger, true);
const flag = field((wire) => asInteger(wire) !== 0);
const optionalFlag = field((wire) => asInteger(wire) !== 0, true);
const texts = field((wire, before) => [...((before as string[] | undefined) ?? []), asText(wire)]);
/** What the server decides, or keeps no book of. */
const ignored = field(() => undefined);

function object(message: ProtobufMessage): Named {
  return field((wire) => readMessage(asBytes(wire), message));
}

function objects(message: ProtobufMessage): Named {
  return field((wire, before) => [...((before as object[] | undefined) ?? []), readMessage(asBytes(wire), message)]);
}

/** Entries are messages of key (1) and value (2). */
function map(readValue: (wire: WireValue) => string): Named {
  return field((wire, before) => {
    const entry = new Map(wireFields(asBytes(wire)));
    const [key, value] = [entry.get(1), entry.get(2)];
    const said = value === undefined ? '' : readValue(value);
    return { ...(before as object | undefined), [key === undefined ? '' : asText(key)]: said };
  });
}

const textMap = map(asText);
const bytesMap = map((wire) => Buffer.from(asBytes(wire)).toString('base64'));

const intOrString = field((wire) => {
  const parts = new Map(wireFields(asBytes(wire)));
  const [type, number, string] = [parts.get(1), parts.get(2), parts.get(3)];
  const isNumber = type === undefined || asInteger(type) === 0;
  if (isNumber) return number === undefined ? 0 : asInteger(number);
  return string === undefined ? '' : asText(string);
});

function message(fields: Readonly<Record<number, readonly [string, Named]>>): ProtobufMessage {
  return new Map(Object.entries(fields).map(([number, [name, read]]) => [Number(number), read(name)]));
}

const objectMeta = message({
  1: ['name', text],
  2: ['generateName', text],
  3: ['namespace', text],
  8: ['creationTimestamp', ignored],
  11: ['labels', textMap],
  12: ['annotations', textMap],
  14: ['finalizers', texts],
  17: ['managedFields', ignored],
});

const container = message({
  1: ['name', text],
  2: ['image', text],
  3: ['command', texts],
  4: ['args', texts],
  5: ['workingDir', text],
  6: [
    'ports',
    objects(
      message({ 1: ['name', text], 2: ['hostPort', integer], 3: ['containerPort', integer], 4: ['protocol', text] }),
    ),
  ],
  7: ['env', objects(message({ 1: ['name', text], 2: ['value', text] }))],
  14: ['imagePullPolicy', text],
});

const podTemplate = message({
  1: ['metadata', object(objectMeta)],
  2: [
    'spec',
    object(
      message({
        2: ['containers', objects(container)],
        3: ['restartPolicy', text],
        7: ['nodeSelector', textMap],
        8: ['serviceAccountName', text],
        11: ['hostNetwork', flag],
      }),
    ),
  ],
});

const deploymentSpec = message({
  1: ['replicas', optionalInteger],
  2: ['selector', object(message({ 1: ['matchLabels', textMap] }))],
  3: ['template', object(podTemplate)],
  4: ['strategy', object(message({ 1: ['type', text] }))],
});

const serviceSpec = message({
  1: [
    'ports',
    objects(
      message({
        1: ['name', text],
        2: ['protocol', text],
        3: ['port', integer],
        4: ['targetPort', intOrString],
        5: ['nodePort', integer],
      }),
    ),
  ],
  2: ['selector', textMap],
  3: ['clusterIP', text],
  4: ['type', text],
  7: ['sessionAffinity', text],
  10: ['externalName', text],
  18: ['clusterIPs', texts],
});

function kind(fields: Readonly<Record<number, readonly [string, Named]>>): ProtobufMessage {
  return message({ 1: ['metadata', object(objectMeta)], ...fields });
}

const attributes = message({
  1: ['namespace', text],
  2: ['verb', text],
  3: ['group', text],
  4: ['version', text],
  5: ['resource', text],
  6: ['subresource', text],
  7: ['name', text],
});
const pathAttributes = message({ 1: ['path', text], 2: ['verb', text] });
const accessSpec = message({
  1: ['resourceAttributes', object(attributes)],
  2: ['nonResourceAttributes', object(pathAttributes)],
});

const policyRule = message({
  1: ['verbs', texts],
  2: ['apiGroups', texts],
  3: ['resources', texts],
  4: ['resourceNames', texts],
  5: ['nonResourceURLs', texts],
});
const subject = message({ 1: ['kind', text], 2: ['apiGroup', text], 3: ['name', text], 4: ['namespace', text] });
const roleRef = message({ 1: ['apiGroup', text], 2: ['kind', text], 3: ['name', text] });
const role = kind({ 2: ['rules', objects(policyRule)] });
const roleBinding = kind({ 2: ['subjects', objects(subject)], 3: ['roleRef', object(roleRef)] });

const messagesByType = new Map<string, ProtobufMessage>([
  ['v1 Namespace', kind({ 2: ['spec', ignored], 3: ['status', ignored] })],
  ['v1 ConfigMap', kind({ 2: ['data', textMap], 3: ['binaryData', bytesMap], 4: ['immutable', optionalFlag] })],
  [
    'v1 Secret',
    kind({ 2: ['data', bytesMap], 3: ['type', text], 4: ['stringData', textMap], 5: ['immutable', optionalFlag] }),
  ],
  ['v1 ServiceAccount', kind({ 4: ['automountServiceAccountToken', optionalFlag] })],
  ['v1 Service', kind({ 2: ['spec', object(serviceSpec)], 3: ['status', ignored] })],
  ['rbac.authorization.k8s.io/v1 Role', role],
  ['rbac.authorization.k8s.io/v1 ClusterRole', role],
  ['rbac.authorization.k8s.io/v1 RoleBinding', roleBinding],
  ['rbac.authorization.k8s.io/v1 ClusterRoleBinding', roleBinding],
  ['authentication.k8s.io/v1 SelfSubjectReview', kind({ 2: ['status', ignored] })],
  [
    'authorization.k8s.io/v1 SelfSubjectAccessReview',
    kind({ 2: ['spec', object(accessSpec)], 3: ['status', ignored] }),
  ],
  [
    'authorization.k8s.io/v1 SelfSubjectRulesReview',
    kind({ 2: ['spec', object(message({ 1: ['namespace', text] }))], 3: ['status', ignored] }),
  ],
  ['apps/v1 Deployment', kind({ 2: ['spec', object(deploymentSpec)], 3: ['status', ignored] })],
]);

const magic = 'k8s\0';

/** The object in an `application/vnd.kubernetes.protobuf` body: magic, then a runtime.Unknown around the object. */
export function parseProtobufBody(bytes: Uint8Array): unknown {
  if (Buffer.from(bytes.subarray(0, magic.length)).toString('latin1') !== magic) {
    throw badRequest('the object provided is unrecognized: no Kubernetes protobuf');
  }
  const envelope = new Map(wireFields(bytes.subarray(magic.length)));
  const typeMeta = new Map(wireFields(asBytes(envelope.get(1) ?? new Uint8Array())));
  const [apiVersion = '', kindName = ''] = [1, 2].map((number) => asText(typeMeta.get(number) ?? new Uint8Array()));
  const known = messagesByType.get(`${apiVersion} ${kindName}`);
  if (known === undefined) throw unsupportedMediaType(`application/vnd.kubernetes.protobuf of ${kindName}`);
  return { apiVersion, kind: kindName, ...readMessage(asBytes(envelope.get(2) ?? new Uint8Array()), known) };
}
