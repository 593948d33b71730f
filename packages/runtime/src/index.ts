export { MeshError, describeError, errorCodes, hasCode, isMeshError } from './errors.ts';
export type { ErrorCode, MeshErrorOptions } from './errors.ts';
export { assertNever, ok, refuse } from './result.ts';
export type { Result } from './result.ts';
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { FakeClock } from './fake-clock.ts';
export { seededRandom, systemRandom } from './random.ts';
export type { Random } from './random.ts';
