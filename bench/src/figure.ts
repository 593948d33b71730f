export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** One number that a bench is about. Without a target it is reported, not judged. */
export interface Figure {
  readonly value: number;
  /** `ms`, `x` (a ratio), `count`, `1/s`, … */
  readonly unit: string;
  readonly target?: Target;
}

/** By name, in the order of print. */
export type Figures = Readonly<Record<string, Figure>>;

/** What was not measured (NaN) meets no target. */
export function passes({ value, target }: Figure): boolean {
  if (target === undefined) return true;
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}

/** `<= 2`; empty without a target. */
export function describeTarget({ target }: Figure): string {
  if (target === undefined) return '';
  return 'atMost' in target ? `<= ${target.atMost}` : `>= ${target.atLeast}`;
}

/** To a thousandth: more is noise. */
export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
