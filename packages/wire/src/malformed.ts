import { ok, refuse, type Result } from '@clustermesh/runtime';

/** What a decoder throws inside itself when the bytes are not what they should be; `attempt` turns it into a refusal. */
export class Malformed extends Error {}

/** Runs one decoder. Anything but Malformed is a bug of ours and goes on as an exception. */
export function attempt<T>(decode: () => T): Result<T> {
  try {
    return ok(decode());
  } catch (error) {
    if (error instanceof Malformed) return refuse(error.message);
    throw error;
  }
}
