/** What kube-apiserver demands of a CustomResourceDefinition, and what of it means nothing here. */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JsonSchema,
  StatusCause,
} from '@clustermesh/kube';

import { forbiddenField, immutableField, invalidValue, requiredValue, unsupportedValue } from '../api-errors.ts';

export function checkCrd(crd: CustomResourceDefinition, old: CustomResourceDefinition | undefined): StatusCause[] {
  const { group, names, scope, versions, conversion } = crd.spec;
  const wantedName = `${names.plural}.${group}`;
  const strategy = conversion?.strategy ?? 'None';
  return [
    ...(crd.metadata.name === wantedName
      ? []
      : [invalidValue('metadata.name', crd.metadata.name, 'must be spec.names.plural+"."+spec.group')]),
    ...(['Cluster', 'Namespaced'].includes(scope)
      ? []
      : [unsupportedValue('spec.scope', scope, ['Cluster', 'Namespaced'])]),
    ...checkStorageVersion(versions),
    ...versions.flatMap((version, index) => checkVersion(version, `spec.versions[${index}]`)),
    ...(strategy === 'None' ? [] : [forbiddenField('spec.conversion.strategy', 'only None is known here')]),
    ...(old === undefined ? [] : checkChange(crd, old)),
  ];
}

function checkStorageVersion(versions: readonly CustomResourceDefinitionVersion[]): StatusCause[] {
  const names = versions.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  return [
    ...(versions.filter(({ storage }) => storage).length === 1
      ? []
      : [invalidValue('spec.versions', names, 'must have exactly one version marked as storage version')]),
    ...(twice.length === 0 ? [] : [invalidValue('spec.versions', names, 'must contain unique version names')]),
  ];
}

function checkVersion({ schema }: CustomResourceDefinitionVersion, field: string): StatusCause[] {
  const own = schema?.openAPIV3Schema;
  const at = `${field}.schema.openAPIV3Schema`;
  if (own === undefined) return [requiredValue(at, 'schemas are required')];
  return [
    ...(own.type === 'object' ? [] : [invalidValue(`${at}.type`, own.type ?? '', 'must be object at the root')]),
    ...structuralFaults(own, at),
  ];
}

/** Only what would make pruning or merging by the schema guess. */
function structuralFaults(schema: JsonSchema, at: string): StatusCause[] {
  const isTyped =
    schema.type !== undefined ||
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true;
  const keys = schema['x-kubernetes-list-map-keys'];
  return [
    ...(isTyped ? [] : [requiredValue(`${at}.type`, 'must not be empty for specified object fields')]),
    ...(schema['x-kubernetes-list-type'] === 'map' && (keys ?? []).length === 0
      ? [requiredValue(`${at}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map')]
      : []),
    ...(isCompiled(schema.pattern)
      ? []
      : [invalidValue(`${at}.pattern`, schema.pattern, 'must be a valid regular expression')]),
    ...partsOf(schema).flatMap(([step, part]) => structuralFaults(part, at + step)),
  ];
}

function isCompiled(pattern: string | undefined): boolean {
  try {
    new RegExp(pattern ?? '', 'u');
    return true;
  } catch {
    return false;
  }
}

function partsOf(schema: JsonSchema): readonly (readonly [string, JsonSchema])[] {
  const { properties = {}, items, additionalProperties } = schema;
  return [
    ...Object.entries(properties).map(([field, part]) => [`.properties[${field}]`, part] as const),
    ...(items === undefined ? [] : [['.items', items] as const]),
    ...(typeof additionalProperties === 'object' ? [['.additionalProperties', additionalProperties] as const] : []),
  ];
}

function checkChange({ spec }: CustomResourceDefinition, old: CustomResourceDefinition): StatusCause[] {
  const stored = old.status?.storedVersions ?? [];
  const names = spec.versions.map(({ name }) => name);
  const lost = stored.filter((name) => !names.includes(name));
  return [
    ...(old.spec.scope === spec.scope ? [] : [immutableField('spec.scope', spec.scope)]),
    ...(old.spec.names.kind === spec.names.kind ? [] : [immutableField('spec.names.kind', spec.names.kind)]),
    ...lost.map((name, index) => invalidValue(`status.storedVersions[${index}]`, name, 'must appear in spec.versions')),
  ];
}

/** What a CRD asks for and does not get. */
export function crdWarnings({ spec }: CustomResourceDefinition): readonly string[] {
  return spec.versions.flatMap(({ schema }, index) => {
    const at = `spec.versions[${index}].schema.openAPIV3Schema`;
    return rulesIn(schema?.openAPIV3Schema ?? {}, at).map((field) => `${field}: rules in CEL are not evaluated here`);
  });
}

function rulesIn(schema: JsonSchema, at: string): readonly string[] {
  const own = schema['x-kubernetes-validations'] === undefined ? [] : [`${at}.x-kubernetes-validations`];
  return [...own, ...partsOf(schema).flatMap(([step, part]) => rulesIn(part, at + step))];
}
