import type { StatusCause } from '@clustermesh/kube';

import { forbiddenField, invalidValue, requiredValue } from './api-errors.ts';
import type { ApiObject } from './api-object.ts';
import type { ResourceType } from './resource-type.ts';

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

export const labelWhy =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";

/** A name that can be part of a host's name, as those of containers. */
export function isLabel(text: string): boolean {
  return text.length <= 63 && labelPattern.test(text);
}
const labelPattern = new RegExp(`^${label}$`);

/** Kubernetes' rules for names: pattern, longest length, and how it words a violation. */
const nameRules: Readonly<Record<ResourceType['nameRule'], readonly [RegExp, number, string]>> = {
  subdomain: [
    new RegExp(`^${label}(\\.${label})*$`),
    253,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  ],
  label: [labelPattern, 63, labelWhy],
  'label-1035': [
    /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
    63,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  ],
  path: [/^(?!\.\.?$)[^/%]+$/, 253, "may not be '.', '..' or contain '/' or '%'"],
};

const qualifiedName = new RegExp(`^(${label}(\\.${label})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`);
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** What is wrong with an object's metadata; `old` is undefined on creation. */
export function checkMetadata(type: ResourceType, object: ApiObject, old: ApiObject | undefined): StatusCause[] {
  const { labels = {}, annotations = {} } = object.metadata;
  return [
    ...(old === undefined ? checkName(type, object.metadata.name) : []),
    ...Object.keys(labels).flatMap((key) => checkKey('metadata.labels', key)),
    ...Object.values(labels).flatMap((value) =>
      labelValue.test(value)
        ? []
        : [
            invalidValue(
              'metadata.labels',
              value,
              "a valid label must be at most 63 characters of alphanumerics, '-', '_' or '.', and must start and end with an alphanumeric character",
            ),
          ],
    ),
    ...Object.keys(annotations).flatMap((key) => checkKey('metadata.annotations', key.toLowerCase())),
    ...checkFinalizers(object, old),
  ];
}

function checkName(type: ResourceType, name: string): StatusCause[] {
  if (name === '') return [requiredValue('metadata.name', 'name or generateName is required')];
  const [pattern, maxLength, why] = nameRules[type.nameRule];
  if (name.length > maxLength) return [invalidValue('metadata.name', name, `must be no more than ${maxLength} bytes`)];
  return pattern.test(name) ? [] : [invalidValue('metadata.name', name, why)];
}

function checkKey(field: string, key: string): StatusCause[] {
  return qualifiedName.test(key) ? [] : [invalidValue(field, key, 'must be a qualified name')];
}

/** A finalizer added to an object on its way out would keep it from people who believe it is gone. */
function checkFinalizers(object: ApiObject, old: ApiObject | undefined): StatusCause[] {
  if (old?.metadata.deletionTimestamp === undefined) return [];
  const before = old.metadata.finalizers ?? [];
  const added = (object.metadata.finalizers ?? []).filter((finalizer) => !before.includes(finalizer));
  if (added.length === 0) return [];
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  return [forbiddenField('metadata.finalizers', why)];
}
