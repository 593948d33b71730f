/** One try of a rate: whether it holds. */
export type Trial = (perSecond: number, seconds: number) => Promise<boolean>;

export interface RateSearch {
  /** The lowest that is tried, and supposed to hold. */
  readonly from: number;
  /** The highest that is tried. */
  readonly upTo: number;
  readonly trialSeconds: number;
  readonly confirmSeconds: number;
}

/** As close as it is looked for; more would be noise. */
const closeEnough = 1.15;

/** Doubles until a rate does not hold, halves what is between, and confirms what is left by a long trial; 0 when none holds. */
export async function highestRate(
  { from, upTo, trialSeconds, confirmSeconds }: RateSearch,
  holds: Trial,
): Promise<number> {
  let held = from;
  let failed = Infinity;
  while (held < upTo && failed === Infinity) {
    const next = Math.min(upTo, held * 2);
    if (await holds(next, trialSeconds)) held = next;
    else failed = next;
  }
  while (failed !== Infinity && failed / held > closeEnough) {
    const next = Math.round(Math.sqrt(held * failed) / 100) * 100;
    if (await holds(next, trialSeconds)) held = next;
    else failed = next;
  }
  // A long time may show what a short one hides.
  while (!(await holds(held, confirmSeconds))) {
    if (held === from) return 0;
    held = Math.max(from, Math.round(held * 0.8));
  }
  return held;
}
