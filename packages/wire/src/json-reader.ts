import { Malformed } from './malformed.ts';

const quote = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const zero = 0x30;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

/** Go's own limit; skipping is iterative, so depth costs no stack. */
const maxDepth = 10_000;

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * A cursor over one JSON text: strict grammar, no value model, so that a caller sees every key in order (duplicates
 * too) and nothing is ever built from names the peer chose. Throws Malformed.
 */
export class JsonReader {
  readonly text: string;
  #at = 0;
  /** Containers that are open around the cursor. */
  #depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The code unit of the next token, -1 at the end. */
  peek(): number {
    const { text } = this;
    for (;;) {
      const unit = text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return unit >= 0 ? unit : -1;
      this.#at++;
    }
  }

  /** Consumes `null` if it is next. */
  tryNull(): boolean {
    return this.peek() === 0x6e && this.#word('null');
  }

  readBoolean(): boolean {
    if (this.peek() === 0x74) return this.#word('true');
    if (this.peek() === 0x66) return !this.#word('false');
    return this.fail('expected a boolean');
  }

  /** A number of digits only: Go refuses 1.0, 1e0 and, for unsigned types, every sign. */
  readInteger(min: number, max: number): number {
    const first = this.peek();
    const start = this.#at;
    let end = first === minus && min < 0 ? start + 1 : start;
    const digits = end;
    while (isDigit(this.text.charCodeAt(end))) end++;
    if (end === digits) return this.fail('expected a whole number');
    if (end > digits + 1 && this.text.charCodeAt(digits) === zero) return this.fail('number with a leading zero');
    const value = Number(this.text.slice(start, end));
    if (value < min || value > max) return this.fail('number out of range');
    this.#at = end;
    const next = this.text.charCodeAt(end);
    if (next === 0x2e || next === 0x65 || next === 0x45) return this.fail('expected a whole number');
    return value + 0; // -0 is 0
  }

  readString(): string {
    if (this.peek() !== quote) return this.fail('expected a string');
    const { text } = this;
    const start = this.#at + 1;
    for (let at = start; ; at++) {
      const unit = text.charCodeAt(at);
      if (unit === quote) {
        this.#at = at + 1;
        return text.slice(start, at);
      }
      if (unit === backslash) return this.#readEscaped(start, at);
      if (!(unit >= 0x20)) return this.fail('unfinished string');
    }
  }

  /** Enters an object; true when it has a first key. */
  openObject(): boolean {
    if (this.peek() !== openBrace) return this.fail('expected an object');
    return this.#open(closeBrace);
  }

  /** Consumes `literal` (a quoted key and its colon) if exactly that is next. */
  tryKey(literal: string): boolean {
    if (!this.text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  readKey(): string {
    const key = this.readString();
    if (this.peek() !== colon) return this.fail('expected a colon');
    this.#at++;
    return key;
  }

  /** After a member: true when another one follows, false when the object is closed. */
  nextMember(): boolean {
    return this.#next(closeBrace);
  }

  openArray(): boolean {
    if (this.peek() !== openBracket) return this.fail('expected an array');
    return this.#open(closeBracket);
  }

  nextElement(): boolean {
    return this.#next(closeBracket);
  }

  /** Reads over one value of any kind, checking its grammar. */
  skipValue(): void {
    const closers: number[] = [];
    do this.#skipDown(closers);
    while (this.#nextSkipped(closers));
  }

  /** One value of any kind, as it stands in the text. */
  readRaw(): string {
    this.peek();
    const start = this.#at;
    this.skipValue();
    return this.text.slice(start, this.#at);
  }

  /** Only white space may follow the value. */
  end(): void {
    if (this.peek() !== -1) this.fail('text after the value');
  }

  fail(problem: string): never {
    throw new Malformed(`${problem} at offset ${this.#at}`);
  }

  /** Enters containers down to the first scalar or empty container, and reads over that. */
  #skipDown(closers: number[]): void {
    for (;;) {
      const unit = this.peek();
      if (unit !== openBrace && unit !== openBracket) {
        this.#skipScalar(unit);
        return;
      }
      const closer = unit === openBrace ? closeBrace : closeBracket;
      if (!this.#open(closer)) return;
      closers.push(closer);
      if (closer === closeBrace) this.readKey();
    }
  }

  #skipScalar(unit: number): void {
    if (unit === quote) this.readString();
    else if (unit === 0x74 || unit === 0x66) this.readBoolean();
    else if (!this.tryNull()) this.#skipNumber();
  }

  #skipNumber(): void {
    number.lastIndex = this.#at;
    if (!number.test(this.text)) this.fail('expected a value');
    this.#at = number.lastIndex;
  }

  /** Leaves every container that ends here; true when one of them goes on with another value. */
  #nextSkipped(closers: number[]): boolean {
    for (let closer = closers.at(-1); closer !== undefined; closer = closers.at(-1)) {
      if (this.#next(closer)) {
        if (closer === closeBrace) this.readKey();
        return true;
      }
      closers.pop();
    }
    return false;
  }

  #next(closer: number): boolean {
    if (this.#tryClose(closer)) return false;
    if (this.peek() !== comma) return this.fail('expected a comma');
    this.#at++;
    this.peek();
    return true;
  }

  /** Steps over the opening one; true when there is something inside. */
  #open(closer: number): boolean {
    this.#at++;
    if (++this.#depth > maxDepth) return this.fail('nested too deep');
    return !this.#tryClose(closer);
  }

  #tryClose(closer: number): boolean {
    if (this.peek() !== closer) return false;
    this.#at++;
    this.#depth--;
    return true;
  }

  #word(word: string): true {
    if (!this.text.startsWith(word, this.#at)) return this.fail('expected a value');
    this.#at += word.length;
    return true;
  }

  /** JSON.parse knows the escapes, and a text that is one string can pollute nothing. */
  #readEscaped(start: number, firstEscape: number): string {
    const { text } = this;
    let end = firstEscape;
    while (text.charCodeAt(end) !== quote) {
      if (end >= text.length) return this.fail('unfinished string');
      end += text.charCodeAt(end) === backslash ? 2 : 1;
    }
    try {
      const value = JSON.parse(text.slice(start - 1, end + 1)) as string;
      this.#at = end + 1;
      return value.toWellFormed();
    } catch {
      return this.fail('bad escape in a string');
    }
  }
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}
