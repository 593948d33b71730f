import type { PolicyRef } from '../model.ts';
import type { RuleRef } from './compiled-policy.ts';

/** Rules by the numbers that rows carry. A rule keeps its number while its policy only changes. */
export class RuleNumbers {
  readonly #rules = new Map<number, RuleRef>();
  readonly #numbers = new Map<string, number>();
  #last = 0;

  rule(number: number): RuleRef | undefined {
    return this.#rules.get(number);
  }

  numberOf(rule: RuleRef): number {
    const key = ruleKey(rule);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#last += 1;
    this.#numbers.set(key, this.#last);
    this.#rules.set(this.#last, rule);
    return this.#last;
  }

  forget(number: number): void {
    const rule = this.#rules.get(number);
    this.#rules.delete(number);
    if (rule !== undefined) this.#numbers.delete(ruleKey(rule));
  }
}

export function refKey({ kind, namespace, name }: PolicyRef): string {
  return `${kind}/${namespace}/${name}`;
}

function ruleKey({ policy, direction, at }: RuleRef): string {
  return `${refKey(policy)} ${direction} ${at}`;
}
