import type { ErrorCode } from '@clustermesh/runtime';

import { adviceOn } from './advice.ts';
import type { Failure } from './observation.ts';
import type { Step } from './step.ts';

/** `warning`: it works, but not for long, or not as well as it should. */
export type Verdict = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Check {
  readonly step: Step;
  readonly verdict: Verdict;
  readonly message: string;
  readonly code?: ErrorCode;
  /** What to do about it. */
  readonly advice?: string;
}

export function passed(step: Step, message: string): Check {
  return { step, verdict: 'ok', message };
}

export function skipped(step: Step, message: string): Check {
  return { step, verdict: 'skipped', message };
}

/** With the advice that the code has at this step, unless there is better. */
export function failed(step: Step, { code, problem }: Failure, advice = adviceOn(step, code)): Check {
  return { step, verdict: 'failed', message: problem, code, advice };
}

export function warned(step: Step, message: string, advice: string): Check {
  return { step, verdict: 'warning', message, advice };
}
