import type { JsonSchema } from '@clustermesh/kube';

import { isJsonObject } from '../api-object.ts';
import { fieldSchema } from './prune.ts';

/** A copy of `value` with the schema's defaults filled in. A null that may not be one counts as missing. */
export function withDefaults(value: unknown, schema: JsonSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => withDefaults(item, items));
  }
  if (!isJsonObject(value)) return value;
  const complete: Record<string, unknown> = { ...value };
  for (const [field, inner] of Object.entries(schema.properties ?? {})) {
    const isMissing = value[field] === undefined || (value[field] === null && inner.nullable !== true);
    if (isMissing && inner.default !== undefined) complete[field] = inner.default;
  }
  for (const [field, inner] of Object.entries(complete)) {
    const innerSchema = fieldSchema(schema, field);
    if (innerSchema !== undefined) complete[field] = withDefaults(inner, innerSchema);
  }
  return complete;
}
