import { parseRfc3339 } from '@clustermesh/wire';

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const microseconds = /\.\d{6}(?:Z|[+-]\d\d:\d\d)$/;

/** Times of meta/v1.MicroTime, which the published schema does not tell from the others; two types share `eventTime`. */
const microTimes = new Set(['acquireTime', 'renewTime', 'eventTime', 'lastObservedTime']);

/** Why Go does not read the text of such a field, in its words; undefined when it does. */
export function textProblem(text: string, format: string | undefined, field: string): string | undefined {
  if (format === 'byte') return base64.test(text.replaceAll(/[\r\n]/g, '')) ? undefined : 'illegal base64 data';
  if (format !== 'date-time') return undefined;
  const isMicro = microTimes.has(field);
  const isRead = parseRfc3339(text) !== undefined && (!isMicro || microseconds.test(text));
  const layout = isMicro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
  return isRead ? undefined : `parsing time ${JSON.stringify(text)} as "${layout}"`;
}
