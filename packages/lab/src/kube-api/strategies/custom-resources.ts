import type {
  Condition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JsonSchema,
} from '@clustermesh/kube';

import { valueAt } from '../api-object.ts';
import { checkCrd, crdWarnings } from './custom-resource-rules.ts';
import { resourceType } from '../resource-type.ts';
import type { ResourceType, ScalePaths, ServedVersion, Strategy } from '../resource-type.ts';
import { builtinStructures } from '../schema/builtin-structures.ts';

/** CRDs are accepted at once: there is nobody else to ask for the names. */
export const crdStrategy: Strategy<CustomResourceDefinition> = {
  defaults: (crd) => ({ ...crd, spec: { ...crd.spec, names: completeNames(crd.spec.names) } }),
  onCreate: (crd) => withAcceptedStatus(crd),
  onUpdate: (crd, old) => {
    const storedVersions = new Set([...(old.status?.storedVersions ?? []), ...storageVersions(crd)]);
    return { ...crd, status: { ...crd.status, storedVersions: [...storedVersions], acceptedNames: crd.spec.names } };
  },
  validate: checkCrd,
  warnings: crdWarnings,
};

type Names = CustomResourceDefinition['spec']['names'];

function completeNames(names: Names): Names {
  return {
    ...names,
    singular: names.singular ?? names.kind.toLowerCase(),
    listKind: names.listKind ?? `${names.kind}List`,
  };
}

function withAcceptedStatus(crd: CustomResourceDefinition): CustomResourceDefinition {
  const lastTransitionTime = crd.metadata.creationTimestamp ?? '';
  const condition = (type: string, reason: string, message: string): Condition => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime,
  });
  return {
    ...crd,
    status: {
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
      acceptedNames: crd.spec.names,
      storedVersions: storageVersions(crd),
    },
  };
}

function storageVersions({ spec }: CustomResourceDefinition): string[] {
  return spec.versions.filter(({ storage }) => storage).map(({ name }) => name);
}

/** The resource type that a CRD brings. All versions have the same fields: there is no conversion. */
export function customResourceType({ spec }: CustomResourceDefinition): ResourceType {
  const names = completeNames(spec.names);
  const served = spec.versions.filter((version) => version.served);
  const storedFirst = [...served].sort((a, b) => Number(b.storage) - Number(a.storage));
  return resourceType({
    group: spec.group,
    plural: names.plural,
    kind: names.kind,
    namespaced: spec.scope === 'Namespaced',
    singular: names.singular ?? '',
    listKind: names.listKind ?? '',
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    versions: storedFirst.map((version) => servedVersion(names.kind, version)),
    hasStatus: served.some(({ subresources }) => subresources?.status !== undefined),
    scale: scalePaths(served),
    selectableFields: served.flatMap(({ selectableFields = [] }) =>
      selectableFields.map(({ jsonPath }) => simplePath(jsonPath).join('.')),
    ),
    generation: 'spec',
    isCustom: true,
    updatesNeedVersion: true,
  });
}

function servedVersion(kind: string, version: CustomResourceDefinitionVersion): ServedVersion {
  const { name, schema, additionalPrinterColumns, deprecated, deprecationWarning } = version;
  const own = schema?.openAPIV3Schema;
  return {
    name,
    structure: objectStructure(own),
    ...(own === undefined ? {} : { schema: own }),
    ...(additionalPrinterColumns === undefined ? {} : { printerColumns: additionalPrinterColumns }),
    ...(deprecated === true ? { deprecation: deprecationWarning ?? `${kind} ${name} is deprecated` } : {}),
  };
}

/** With what every object has. */
function objectStructure(own: JsonSchema = {}): JsonSchema {
  const text: JsonSchema = { type: 'string' };
  const metadata = builtinStructures().get('ObjectMeta') ?? {};
  return { ...own, type: 'object', properties: { ...own.properties, apiVersion: text, kind: text, metadata } };
}

function scalePaths(versions: readonly CustomResourceDefinitionVersion[]): ScalePaths | undefined {
  const found = versions.map(({ subresources }) => subresources?.scale).find((scale) => scale !== undefined);
  if (found === undefined) return undefined;
  return {
    specReplicas: simplePath(found.specReplicasPath),
    statusReplicas: simplePath(found.statusReplicasPath),
    selector: found.labelSelectorPath === undefined ? undefined : simplePath(found.labelSelectorPath),
  };
}

/** The part of JSONPath that columns mostly are: `.spec.field`, `.metadata.labels['a.b/c']`. */
export function simplePath(jsonPath: string): readonly string[] {
  const steps = jsonPath.matchAll(/\.(?<name>[\w-]+)|\['(?<quoted>[^']+)'\]/g);
  return Array.from(steps, ({ groups }) => groups?.['name'] ?? groups?.['quoted'] ?? '');
}

/** The value at such a path, as a table shows it. */
export function cellAt(object: unknown, jsonPath: string): unknown {
  const value = valueAt(object, simplePath(jsonPath));
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}
