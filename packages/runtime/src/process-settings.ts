import { z } from 'zod';

import { MeshError } from './errors.ts';
import { logLevels } from './log.ts';
import type { LogLevel } from './log.ts';
import { serveAddressSetting } from './serve-address.ts';
import type { ServeAddress } from './serve-address.ts';

/** A setting that programs of Cilium have, taken so that charts and people may go on giving it. */
export function inertSetting(why: string): z.ZodOptional<z.ZodString> {
  return z.string().optional().describe(`no effect: ${why}`).meta({ inert: true, repeatable: true });
}

/** The same of a boolean, which may stand alone. */
export function inertFlag(why: string): z.ZodOptional<z.ZodBoolean> {
  return z.boolean().optional().describe(`no effect: ${why}`).meta({ inert: true });
}

export function portSetting(fallback: number, description: string): z.ZodDefault<z.ZodCoercedNumber> {
  return z.coerce.number().int().min(1).max(65_535).default(fallback).describe(description);
}

/** What every program of the control plane can be told of itself: logs, metrics, profiles. Names are Cilium's. */
export const processSettings = {
  prometheusServeAddr: serveAddressSetting(
    '',
    '[HOST]:PORT where /metrics is answered too, beside --health-port; by default nowhere',
  ),
  logLevel: z
    .enum(logLevels)
    .default('info')
    .describe('least severity that is logged: trace, debug, info, warn, error or silent'),
  debug: z.boolean().default(false).describe('as --log-level=debug').meta({ short: 'D' }),
  logOpt: z
    .string()
    .default('')
    .describe('KEY=VALUE: level is --log-level; others have no effect, lines are JSON')
    .meta({ repeatable: true }),
  pprof: z
    .boolean()
    .default(false)
    .describe(
      'answer /debug/pprof/profile and …/heap: profiles of V8, for Chrome’s developer tools, not for Go’s pprof',
    ),
  pprofAddress: z.string().default('localhost').describe('address of --pprof'),
};

/** Of Go's runtime and Cilium's libraries. */
export const inertProcessSettings = {
  logDriver: inertSetting('logs are lines on the standard output'),
  enableGops: inertFlag('there is no gops, --pprof tells what the process does'),
  gopsPort: inertSetting('there is no gops, --pprof tells what the process does'),
  pprofBlockProfileRate: inertSetting('one thread waits for no locks'),
  pprofMutexProfileFraction: inertSetting('one thread waits for no locks'),
  controllerGroupMetrics: inertSetting('there are no controllers, /healthz has every job'),
  shellSockPath: inertSetting('there is no shell, /healthz has every job'),
};

export interface ProcessSettings {
  readonly logLevel: LogLevel;
  readonly debug: boolean;
  readonly logOpt: string;
  readonly pprof: boolean;
  readonly pprofAddress: string;
  readonly pprofPort: number;
}

/** Of logrus, which has its own words for some. */
const levelsOfGo: Readonly<Record<string, LogLevel>> = { panic: 'error', fatal: 'error', warning: 'warn' };

/** Throws CONFIG_INVALID for a level that is none. */
export function effectiveLogLevel({ logLevel, debug, logOpt }: ProcessSettings): LogLevel {
  if (debug) return logLevel === 'trace' ? 'trace' : 'debug';
  const text = logOpt
    .split(',')
    .findLast((option) => option.startsWith('level='))
    ?.slice('level='.length)
    .toLowerCase();
  if (text === undefined) return logLevel;
  const level = levelsOfGo[text] ?? logLevels.find((each) => each === text);
  if (level !== undefined) return level;
  throw new MeshError('CONFIG_INVALID', `--log-opt: "${text}" is no level: ${logLevels.join(', ')}`);
}

/** Where profiles are answered; undefined: nowhere. */
export function profileAddress({ pprof, pprofAddress, pprofPort }: ProcessSettings): ServeAddress | undefined {
  return pprof ? { host: pprofAddress, port: pprofPort } : undefined;
}
