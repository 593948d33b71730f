import { ok, refuse, type Result } from '@clustermesh/runtime';
import { parseIp, type IpBytes } from './address.ts';
import { coveredPrefix, type IpIdentity, type NamedPort } from './ip-identity.ts';
import { IpScanner } from './ip-scan.ts';
import { kindByName } from './kinds.ts';
import { checkIdentityOfIp, type SourceContext } from './validate.ts';

/** What an IP's entry says to a datapath: of an address or network, who is there and which node leads there. */
export interface IpEntry {
  readonly address: IpBytes;
  /** Of 128; a single address has all. */
  readonly bits: number;
  /** The node; `undefined` when unknown. */
  readonly host: IpBytes | undefined;
  readonly id: number;
  readonly namedPorts: readonly NamedPort[];
}

export type ReadIpEntry = (keyName: string, bytes: Uint8Array) => Result<IpEntry>;

/** `undefined`: it covers no address or network. */
export function ipEntry(value: Pick<IpIdentity, 'ip' | 'mask' | 'hostIp' | 'id' | 'namedPorts'>): IpEntry | undefined {
  const prefix = coveredPrefix(value);
  if (prefix === undefined) return undefined;
  return { ...prefix, host: parseIp(value.hostIp), id: value.id, namedPorts: value.namedPorts };
}

/**
 * Reads one cluster's entries, and refuses those that `kindByName.ip.read` refuses. For millions of them: common values are
 * scanned, and only the rest is parsed. An entry is good until the next one is read.
 */
export function ipEntryReader(context: SourceContext): ReadIpEntry {
  const scanner = new IpScanner();
  const scanned = {
    address: scanner.address,
    bits: 128,
    host: undefined as IpBytes | undefined,
    id: 0,
    namedPorts: [],
  };
  const result = ok(scanned);
  return (keyName, bytes) => {
    if (!scanner.scan(keyName, bytes)) return parseIpEntry(context, keyName, bytes);
    const reason = checkIdentityOfIp(context, scanner.id);
    if (reason !== undefined) return refuse(reason);
    scanned.host = scanner.hasHost ? scanner.host : undefined;
    scanned.id = scanner.id;
    return result;
  };
}

function parseIpEntry(context: SourceContext, keyName: string, bytes: Uint8Array): Result<IpEntry> {
  const value = kindByName.ip.read(context, keyName, bytes);
  if (!value.ok) return value;
  const entry = ipEntry(value.value);
  return entry === undefined ? refuse('no address or network') : ok(entry);
}
