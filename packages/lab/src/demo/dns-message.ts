/** The part of DNS (RFC 1035) that a server of a few names needs: one question in, its answers out. */
export const recordTypes = { A: 1, TXT: 16, AAAA: 28 } as const;
export const responseCodes = { ok: 0, malformed: 1, noSuchName: 3, notImplemented: 4 } as const;
const internetClass = 1;
const anyType = 255;

const headerBytes = 12;
const largestLabel = 63;
const largestName = 255;
const responseFlag = 0x80_00;
const authoritativeFlag = 0x04_00;
const recursionDesiredFlag = 0x01_00;
const opcodeMask = 0x78_00;
/** Points back at the name of the question, which begins behind the header. */
const pointerToQuestion = 0xc0_00 | headerBytes;
const ttlSeconds = 1;

export interface DnsRecord {
  readonly type: number;
  readonly data: Buffer;
}

/** The records of a name, in lower case and with its final dot; undefined when there is no such name. */
export type DnsNames = (name: string) => readonly DnsRecord[] | undefined;

interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** As it was asked, to be repeated in the answer. */
  readonly bytes: Buffer;
}

/** The answer to a message; undefined for one that deserves none: too short, or an answer itself. */
export function answerDns(message: Buffer, names: DnsNames): Buffer | undefined {
  if (message.length < headerBytes) return undefined;
  const flags = message.readUInt16BE(2);
  if ((flags & responseFlag) !== 0) return undefined;
  if ((flags & opcodeMask) !== 0) return response(message, responseCodes.notImplemented);
  const question = message.readUInt16BE(4) === 1 ? readQuestion(message) : undefined;
  if (question === undefined) return response(message, responseCodes.malformed);
  if (question.class !== internetClass) return response(message, responseCodes.notImplemented, question);
  const records = names(question.name);
  if (records === undefined) return response(message, responseCodes.noSuchName, question);
  const wanted = records.filter(({ type }) => type === question.type || question.type === anyType);
  return response(message, responseCodes.ok, question, wanted);
}

/** Names in questions are not compressed. Undefined when the message ends before its question does. */
function readQuestion(message: Buffer): Question | undefined {
  const labels: string[] = [];
  let at = headerBytes;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > largestLabel || at - headerBytes > largestName) return undefined;
    at += 1 + length;
    if (length === 0) break;
    labels.push(message.toString('latin1', at - length, at).toLowerCase());
  }
  if (at + 4 > message.length) return undefined;
  const bytes = message.subarray(headerBytes, at + 4);
  return { name: `${labels.join('.')}.`, type: message.readUInt16BE(at), class: message.readUInt16BE(at + 2), bytes };
}

function response(query: Buffer, code: number, question?: Question, answers: readonly DnsRecord[] = []): Buffer {
  const header = Buffer.alloc(headerBytes);
  query.copy(header, 0, 0, 2);
  const asked = query.readUInt16BE(2) & (recursionDesiredFlag | opcodeMask);
  header.writeUInt16BE(responseFlag | authoritativeFlag | asked | code, 2);
  header.writeUInt16BE(question === undefined ? 0 : 1, 4);
  header.writeUInt16BE(answers.length, 6);
  return Buffer.concat([header, question?.bytes ?? Buffer.alloc(0), ...answers.map(recordBytes)]);
}

function recordBytes({ type, data }: DnsRecord): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(pointerToQuestion, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(internetClass, 4);
  head.writeUInt32BE(ttlSeconds, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** @param text at most 255 bytes: one character-string */
export function txtRecord(text: string): DnsRecord {
  const bytes = Buffer.from(text);
  return { type: recordTypes.TXT, data: Buffer.concat([Buffer.from([bytes.length]), bytes]) };
}

/** @param address IPv4, or IPv6 with all its groups or `::` */
export function addressRecord(address: string): DnsRecord {
  if (!address.includes(':')) return { type: recordTypes.A, data: Buffer.from(address.split('.').map(Number)) };
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));
  const gap = Array<string>(8 - groups(head).length - groups(tail).length).fill('0');
  const data = Buffer.alloc(16);
  [...groups(head), ...gap, ...groups(tail)].forEach((group, at) => data.writeUInt16BE(Number(`0x${group}`), 2 * at));
  return { type: recordTypes.AAAA, data };
}
