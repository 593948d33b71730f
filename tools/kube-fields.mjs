/**
 * Writes packages/lab/src/kube-api/schema/builtin-fields.ts: the fields of the built-in types that the lab serves, as
 * the models of @kubernetes/client-node know them. Run it after an update of that package.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(new URL('../packages/kube/package.json', import.meta.url));
const entry = require.resolve('@kubernetes/client-node');
const models = await import(entry);
const modelDir = join(dirname(entry), 'gen', 'models');
const { version } = JSON.parse(readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8'));

const roots = [
  ...['V1Namespace', 'V1Node', 'V1Pod', 'V1Service', 'V1Secret', 'V1ConfigMap', 'V1ServiceAccount', 'CoreV1Event'],
  ...['EventsV1Event', 'V1Deployment', 'V1ReplicaSet', 'V1DaemonSet', 'V1EndpointSlice', 'V1Lease', 'V1NetworkPolicy'],
  ...['V1Role', 'V1RoleBinding', 'V1ClusterRole', 'V1ClusterRoleBinding', 'V1CustomResourceDefinition', 'V1Scale'],
  ...['V1SelfSubjectAccessReview', 'V1SelfSubjectRulesReview', 'V1SelfSubjectReview', 'V1SubjectAccessReview'],
];

/** Numbers or texts such as `100m`, which the models show as texts. */
const quantities = /^(limits|requests|capacity|allocatable|allocatedResources|overhead|sizeLimit|divisor)$/;

const codes = {
  string: 's',
  boolean: 'b',
  any: '*',
  number: 'd',
  'number int32': 'i',
  'number int64': 'l',
  'string byte': 'y',
  Date: 't',
  'Date date-time': 't',
  V1MicroTime: 't',
  IntOrString: 'p',
};

function codeOf(type, format) {
  const list = /^Array<(.+)>$/.exec(type);
  if (list) return `[${codeOf(list[1], format)}]`;
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type);
  if (map) return `{${codeOf(map[1], format)}}`;
  return codes[`${type} ${format}`] ?? codes[type] ?? shortName(type);
}

function shortName(type) {
  return type.replace(/^(CoreV1|DiscoveryV1|V1)/, '').replace(/^EventsV1/, 'Events');
}

function fieldsOf(type) {
  const declared = readFileSync(join(modelDir, `${type}.d.ts`), 'utf8');
  return models[type].attributeTypeMap.map(({ baseName, name, type: fieldType, format }) => {
    const isRequired = declared.includes(`    '${name}':`);
    const code = codeOf(fieldType, format);
    const said = quantities.test(baseName) ? code.replace('s', 'q') : code;
    return `${baseName}${isRequired ? '!' : ''}${said === 's' ? '' : `=${said}`}`;
  });
}

const lines = new Map();
function visit(type) {
  if (lines.has(type) || models[type]?.attributeTypeMap === undefined || type in codes) return;
  lines.set(type, `${shortName(type)}: ${fieldsOf(type).join(' ')}`);
  for (const { type: fieldType } of models[type].attributeTypeMap) {
    for (const inner of fieldType.match(/[A-Z]\w+/g) ?? []) visit(inner);
  }
}
roots.forEach(visit);

const path = fileURLToPath(new URL('../packages/lab/src/kube-api/schema/builtin-fields.ts', import.meta.url));
writeFileSync(
  path,
  `/**
 * The fields of the built-in types, one type a line. Written by tools/kube-fields.mjs from @kubernetes/client-node
 * ${version}. \`!\` is required; after \`=\` comes what is no plain text: i int32, l int64, d double, b boolean, t time, y bytes
 * in base64, p int or string, q quantity, * anything, [X] a list, {X} a map, or the name of a type.
 */
export const builtinFields = \`
${[...lines.values()].sort().join('\n')}
\`;
`,
);
