import type {
  Condition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  StatusCause,
} from '@clustermesh/kube';

import { immutableField, invalidValue, requiredValue } from './api-errors.ts';
import { valueAt } from './api-object.ts';
import { resourceType } from './resource-type.ts';
import type { ResourceType, ScalePaths, ServedVersion, Strategy } from './resource-type.ts';

/** CRDs are accepted at once: there is nobody else to ask for the names. */
export const crdStrategy: Strategy<CustomResourceDefinition> = {
  defaults: (crd) => ({ ...crd, spec: { ...crd.spec, names: completeNames(crd.spec.names) } }),
  onCreate: (crd) => withAcceptedStatus(crd),
  onUpdate: (crd, old) => {
    const storedVersions = new Set([...(old.status?.storedVersions ?? []), ...storageVersions(crd)]);
    return { ...crd, status: { ...crd.status, storedVersions: [...storedVersions], acceptedNames: crd.spec.names } };
  },
  validate: checkCrd,
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

function checkCrd(crd: CustomResourceDefinition, old: CustomResourceDefinition | undefined): StatusCause[] {
  const { group, names, scope, versions } = crd.spec;
  const wantedName = `${names.plural}.${group}`;
  const isScoped = ['Cluster', 'Namespaced'].includes(scope);
  return [
    ...(crd.metadata.name === wantedName
      ? []
      : [invalidValue('metadata.name', crd.metadata.name, 'must be spec.names.plural+"."+spec.group')]),
    ...(isScoped ? [] : [invalidValue('spec.scope', scope, 'must be Cluster or Namespaced')]),
    ...(storageVersions(crd).length === 1
      ? []
      : [
          invalidValue(
            'spec.versions',
            versions.map(({ name }) => name),
            'must have exactly one version marked as storage version',
          ),
        ]),
    ...versions.flatMap((version, index) =>
      version.schema?.openAPIV3Schema === undefined
        ? [requiredValue(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required')]
        : [],
    ),
    ...(old === undefined || old.spec.scope === scope ? [] : [immutableField('spec.scope', scope)]),
    ...(old === undefined || old.spec.names.kind === names.kind ? [] : [immutableField('spec.names.kind', names.kind)]),
  ];
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
    versions: storedFirst.map(servedVersion),
    hasStatus: served.some(({ subresources }) => subresources?.status !== undefined),
    scale: scalePaths(served),
    generation: 'spec',
    prunes: true,
    updatesNeedVersion: true,
  });
}

function servedVersion({ name, schema, additionalPrinterColumns }: CustomResourceDefinitionVersion): ServedVersion {
  return {
    name,
    ...(schema?.openAPIV3Schema === undefined ? {} : { schema: schema.openAPIV3Schema }),
    ...(additionalPrinterColumns === undefined ? {} : { printerColumns: additionalPrinterColumns }),
  };
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
