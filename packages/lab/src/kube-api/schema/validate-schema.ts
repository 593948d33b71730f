/** Validation of a structural schema in the words of kube-apiserver. Rules in CEL are not evaluated. */
import { isIP, isIPv4, isIPv6 } from 'node:net';

import type { JsonSchema, StatusCause } from '@clustermesh/kube';

import {
  duplicateValue,
  invalidType,
  invalidValue,
  requiredValue,
  tooLong,
  tooMany,
  unsupportedValue,
} from '../api-errors.ts';
import { isDeepEqual, isJsonObject } from '../api-object.ts';
import type { JsonObject } from '../api-object.ts';
import { fieldSchema, joinPath } from './prune.ts';

/** What is wrong with `value`; empty when nothing is. */
export function validateSchema(value: unknown, schema: JsonSchema, path = ''): StatusCause[] {
  if (value === null && schema.nullable === true) return [];
  const typeCause = checkType(value, schema, path);
  if (typeCause !== undefined) return [typeCause];
  return [...checkValue(value, schema, path), ...checkAlternatives(value, schema, path)];
}

function checkType(value: unknown, schema: JsonSchema, path: string): StatusCause | undefined {
  const actual = typeOf(value);
  if (schema['x-kubernetes-int-or-string'] === true) {
    return actual === 'integer' || actual === 'string' ? undefined : mustBe(path, 'integer,string', actual);
  }
  const isRight =
    schema.type === undefined || schema.type === actual || (schema.type === 'number' && actual === 'integer');
  return isRight ? undefined : mustBe(path, schema.type ?? '', actual);
}

function mustBe(path: string, wanted: string, actual: string): StatusCause {
  return invalidType(path, actual, `${nameOf(path)} must be of type ${wanted}: "${actual}"`);
}

/** The root has no name. */
function nameOf(path: string): string {
  return path === '' ? 'in body' : `${path} in body`;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function checkValue(value: unknown, schema: JsonSchema, path: string): StatusCause[] {
  const isAllowed = schema.enum === undefined || schema.enum.some((allowed) => isDeepEqual(allowed, value));
  const enumCauses = isAllowed ? [] : [unsupportedValue(path, value, schema.enum ?? [])];
  if (typeof value === 'string') return [...enumCauses, ...checkText(value, schema, path)];
  if (typeof value === 'number') return [...enumCauses, ...broken(path, value, brokenByNumber(value, schema))];
  if (Array.isArray(value)) return [...enumCauses, ...checkList(value, schema, path)];
  return isJsonObject(value) ? [...enumCauses, ...checkObject(value, schema, path)] : enumCauses;
}

function broken(path: string, value: unknown, reasons: readonly string[]): StatusCause[] {
  return reasons.map((why) => invalidValue(path, value, `${nameOf(path)} ${why}`));
}

function checkText(text: string, schema: JsonSchema, path: string): StatusCause[] {
  const { pattern, minLength = 0, maxLength = Infinity, format = '' } = schema;
  const length = Array.from(text).length;
  const isFormatted = formats.get(format)?.(text) ?? true;
  return [
    ...(length > maxLength ? [tooLong(path, maxLength)] : []),
    ...broken(path, text, [
      ...(length < minLength ? [`should be at least ${minLength} chars long`] : []),
      ...(pattern === undefined || new RegExp(pattern, 'u').test(text) ? [] : [`should match '${pattern}'`]),
      ...(isFormatted ? [] : [`must be of type ${format}: ${JSON.stringify(text)}`]),
    ]),
  ];
}

const formats = new Map<string, (text: string) => boolean>([
  ['date-time', (text) => /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text))],
  ['date', (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))],
  ['byte', (text) => /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0],
  ['ipv4', isIPv4],
  ['ipv6', isIPv6],
  ['cidr', isCidr],
  ['uuid', (text) => /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(text)],
]);

function isCidr(text: string): boolean {
  const [address = '', length = ''] = text.split('/');
  const family = isIP(address);
  return family !== 0 && /^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128);
}

function brokenByNumber(value: number, schema: JsonSchema): string[] {
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const isLow = exclusiveMinimum === true ? value <= minimum : value < minimum;
  const isHigh = exclusiveMaximum === true ? value >= maximum : value > maximum;
  return [
    ...(isLow ? [`should be greater than ${exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`] : []),
    ...(isHigh ? [`should be less than ${exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`] : []),
    ...(multipleOf !== undefined && value % multipleOf !== 0 ? [`should be a multiple of ${multipleOf}`] : []),
  ];
}

function checkList(list: readonly unknown[], schema: JsonSchema, path: string): StatusCause[] {
  const { items, minItems = 0, maxItems = Infinity } = schema;
  return [
    ...(list.length > maxItems ? [tooMany(path, list.length, maxItems)] : []),
    ...(list.length < minItems ? broken(path, list, [`should have at least ${minItems} items`]) : []),
    ...checkUnique(list, schema, path),
    ...(items === undefined ? [] : list.flatMap((item, index) => validateSchema(item, items, `${path}[${index}]`))),
  ];
}

function checkUnique(list: readonly unknown[], schema: JsonSchema, path: string): StatusCause[] {
  const listType = schema['x-kubernetes-list-type'];
  if (listType === undefined || listType === 'atomic') return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const identity = (item: unknown): unknown =>
    listType === 'map' && isJsonObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item;
  const seen = new Set<string>();
  return list.map(identity).flatMap((id, index) => {
    const text = JSON.stringify(id);
    if (seen.has(text)) return [duplicateValue(`${path}[${index}]`, id)];
    seen.add(text);
    return [];
  });
}

function checkObject(object: JsonObject, schema: JsonSchema, path: string): StatusCause[] {
  const { minProperties = 0, maxProperties = Infinity, required = [] } = schema;
  const size = Object.keys(object).length;
  const missing = required.filter((field) => object[field] === undefined);
  return [
    ...(size > maxProperties ? [tooMany(path, size, maxProperties)] : []),
    ...(size < minProperties ? broken(path, object, [`should have at least ${minProperties} properties`]) : []),
    ...missing.map((field) => requiredValue(joinPath(path, field))),
    ...Object.entries(object).flatMap(([field, inner]) => {
      const known = fieldSchema(schema, field);
      return known === undefined || inner === undefined ? [] : validateSchema(inner, known, joinPath(path, field));
    }),
  ];
}

function checkAlternatives(value: unknown, schema: JsonSchema, path: string): StatusCause[] {
  const fits = (other: JsonSchema): boolean => validateSchema(value, other, path).length === 0;
  const { allOf = [], anyOf, oneOf, not } = schema;
  const count = oneOf?.filter(fits).length;
  return [
    ...allOf.flatMap((other) => validateSchema(value, other, path)),
    ...broken(path, value, [
      ...(anyOf === undefined || anyOf.some(fits) ? [] : ['must validate at least one schema (anyOf)']),
      ...(count === undefined || count === 1
        ? []
        : [
            `must validate one and only one schema (oneOf). ${count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`}`,
          ]),
      ...(not === undefined || !fits(not) ? [] : ['must not validate the schema (not)']),
    ]),
  ];
}
