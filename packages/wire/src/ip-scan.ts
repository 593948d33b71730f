import { canonicalIp, parseIp } from './address.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const closeBrace = 0x7d;
const dot = 0x2e;
const zero = 0x30;
const nine = 0x39;

const beginning = Buffer.from('{"IP":"');
const noMask = Buffer.from('"Mask":null,');
const hostIp = Buffer.from('"HostIP":"');
const id = Buffer.from(',"ID":');
const key = Buffer.from(',"Key":');
/** Members that say nothing to a datapath, as writers order them. */
const texts = ['Metadata', 'K8sNamespace', 'K8sPodName', 'K8sPodUID', 'K8sServiceAccount'].map((name) =>
  Buffer.from(`,"${name}":"`),
);

/**
 * Takes out of an IP's value what says where packets go, of a single address as Cilium and we write it: a few hundred
 * nanoseconds, where parsing takes some thousand. Whatever looks otherwise, good or bad, is left to the parser.
 */
export class IpScanner {
  /** Of what was scanned last; written over by the next scan. */
  readonly address = new Uint8Array(16);
  readonly host = new Uint8Array(16);
  hasHost = false;
  id = 0;
  #bytes: Uint8Array = beginning;
  #at = 0;

  /** False: it is none of those values, or does not stand under its key. */
  scan(keyName: string, bytes: Uint8Array): boolean {
    this.#bytes = bytes;
    this.#at = 0;
    const isScanned = this.#scanValue(keyName);
    // It is a part of a page: each cluster's last one would be kept.
    this.#bytes = beginning;
    return isScanned;
  }

  #scanValue(keyName: string): boolean {
    if (!this.#skip(beginning) || !this.#readKeyedIp(keyName) || this.#bytes[this.#at++] !== comma) return false;
    this.#skip(noMask);
    if (!this.#skip(hostIp) || !this.#readHost() || !this.#readNumbers()) return false;
    for (const text of texts) if (this.#skip(text) && !this.#skipText()) return false;
    return this.#bytes[this.#at] === closeBrace && this.#at === this.#bytes.length - 1;
  }

  /** Steps over it, if it is next. */
  #skip(literal: Uint8Array): boolean {
    for (let index = 0; index < literal.length; index++) {
      if (this.#bytes[this.#at + index] !== literal[index]) return false;
    }
    this.#at += literal.length;
    return true;
  }

  /** The key's name, which is the one spelling of its address. */
  #readKeyedIp(keyName: string): boolean {
    const start = this.#at;
    for (let index = 0; index < keyName.length; index++) {
      if (this.#bytes[start + index] !== keyName.charCodeAt(index)) return false;
    }
    if (keyName.includes(':') && canonicalIp(keyName) !== keyName) return false;
    return this.#readIp(this.address) && this.#at === start + keyName.length + 1;
  }

  #readNumbers(): boolean {
    if (!this.#skip(id)) return false;
    this.id = this.#readNumber(0xffff_ffff);
    return this.id >= 0 && this.#skip(key) && this.#readNumber(0xff) >= 0;
  }

  #readHost(): boolean {
    this.hasHost = this.#bytes[this.#at] !== quote;
    if (this.hasHost) return this.#readIp(this.host);
    this.#at++;
    return true;
  }

  /** And the quote behind it. */
  #readIp(into: Uint8Array): boolean {
    const start = this.#at;
    return this.#readIpv4(into) || this.#readIpText(start, into);
  }

  #readIpv4(into: Uint8Array): boolean {
    into.fill(0, 0, 10);
    into[10] = into[11] = 0xff;
    for (let octet = 12; octet < 16; octet++) {
      const value = this.#readNumber(0xff);
      if (value < 0 || this.#bytes[this.#at++] !== (octet === 15 ? quote : dot)) return false;
      into[octet] = value;
    }
    return true;
  }

  #readIpText(start: number, into: Uint8Array): boolean {
    const end = this.#bytes.indexOf(quote, start);
    const address = end < 0 ? undefined : parseIp(String.fromCharCode(...this.#bytes.subarray(start, end)));
    if (address === undefined) return false;
    into.set(address);
    this.#at = end + 1;
    return true;
  }

  /** Digits without a leading zero; -1 where there are none, or they are too many. */
  #readNumber(max: number): number {
    const bytes = this.#bytes;
    const start = this.#at;
    let value = 0;
    for (
      let digit = bytes[this.#at];
      digit !== undefined && digit >= zero && digit <= nine;
      digit = bytes[++this.#at]
    ) {
      value = value * 10 + digit - zero;
      if (value > max) return -1;
    }
    const hasLeadingZero = this.#at - start > 1 && bytes[start] === zero;
    return this.#at === start || hasLeadingZero ? -1 : value;
  }

  /** Up to and with the closing quote; false where it is not plain ASCII. */
  #skipText(): boolean {
    const bytes = this.#bytes;
    for (; this.#at < bytes.length; this.#at++) {
      const byte = bytes[this.#at] ?? 0;
      if (byte === quote) {
        this.#at++;
        return true;
      }
      if (byte < 0x20 || byte > 0x7e || byte === backslash) return false;
    }
    return false;
  }
}
