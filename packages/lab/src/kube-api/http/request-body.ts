import type { IncomingMessage } from 'node:http';
import { parse as parseYaml } from 'yaml';

import { describeError } from '@clustermesh/runtime';

import { badRequest, tooLarge, unsupportedMediaType } from '../api-errors.ts';
import { parseProtobufBody } from './protobuf-body.ts';

/** As kube-apiserver's limit for a request. */
const maxBodyBytes = 3 * 1024 * 1024;

/** The parsed body; undefined when there is none. JSON, YAML or Kubernetes' protobuf, as the type says. */
export async function readRequestBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw tooLarge(maxBodyBytes);
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  const body = Buffer.concat(chunks);
  const type = mediaType(request);
  return type === 'application/vnd.kubernetes.protobuf'
    ? parseProtobufBody(body)
    : parseText(body.toString('utf8'), type);
}

/** Without its parameters, in lower case. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? 'application/json').replace(/;.*/s, '').trim().toLowerCase();
}

function parseText(text: string, type: string): unknown {
  // Objects are merged by field name later on: this one name would be no field.
  if (text.includes('"__proto__"')) throw badRequest('a field may not be named __proto__');
  try {
    if (type.endsWith('json')) return JSON.parse(text) as unknown;
    if (type.endsWith('yaml')) return parseYaml(text) as unknown;
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${describeError(error)}`);
  }
  throw unsupportedMediaType(type);
}
