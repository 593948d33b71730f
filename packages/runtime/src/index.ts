export { ScopedAbort, aborted, isAborted } from './abort.ts';
export { AdminServer } from './admin-server.ts';
export type { AdminServerOptions } from './admin-server.ts';
export { Backoff } from './backoff.ts';
export type { BackoffOptions } from './backoff.ts';
export { BulkHistogram } from './bulk-histogram.ts';
export { BoundedQueue } from './bounded-queue.ts';
export { byteSizeSetting, formatByteSize, parseByteSize } from './byte-size.ts';
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { defineConfig } from './config.ts';
export type { ConfigDefinition, ConfigInput, ConfigOption } from './config.ts';
export { withDeadline } from './deadline.ts';
export { duration, durationSetting, parseDuration } from './duration.ts';
export { MeshError, describeError, errorCodes, hasCode, isMeshError } from './errors.ts';
export type { ErrorCode, MeshErrorOptions } from './errors.ts';
export { FakeClock } from './fake-clock.ts';
export { Health } from './health.ts';
export type { HealthEntry, HealthScope, HealthState } from './health.ts';
export { every, retryLoop, runAll } from './jobs.ts';
export type { JobDeps, RetryOptions } from './jobs.ts';
export { createLogger, logLevels, silentLogger } from './log.ts';
export type { LogLevel, Logger } from './log.ts';
export {
  effectiveLogLevel,
  inertProcessSettings,
  inertFlag,
  inertSetting,
  portSetting,
  processSettings,
  profileAddress,
} from './process-settings.ts';
export type { ProcessSettings } from './process-settings.ts';
export { ProfileServer } from './profile-server.ts';
export { seededRandom, systemRandom } from './random.ts';
export type { Random } from './random.ts';
export { RateBudget } from './rate-budget.ts';
export type { Rate } from './rate-budget.ts';
export { assertNever, ok, refuse } from './result.ts';
export type { Result } from './result.ts';
export { registerVersion } from './version-metric.ts';
export { runMain } from './run-main.ts';
export { serveAddressSetting } from './serve-address.ts';
export type { ServeAddress } from './serve-address.ts';
