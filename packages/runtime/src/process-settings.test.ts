import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { defineConfig } from './config.ts';
import {
  effectiveLogLevel,
  inertProcessSettings,
  portSetting,
  processSettings,
  profileAddress,
} from './process-settings.ts';

const config = defineConfig(
  z.object({ ...processSettings, pprofPort: portSetting(6_063, 'port'), ...inertProcessSettings }),
);
const load = (...argv: string[]): ReturnType<typeof config.load> => config.load({ argv, env: {} });

describe('processSettings', () => {
  it.each([
    { argv: [], level: 'info' },
    { argv: ['-D'], level: 'debug' },
    { argv: ['--debug', '--log-level=trace'], level: 'trace' },
    { argv: ['--log-opt=format=text', '--log-opt=level=Warning'], level: 'warn' },
    { argv: ['--log-opt', 'level=panic'], level: 'error' },
    { argv: ['--log-level=warn', '--log-opt=format=json-ts'], level: 'warn' },
  ])('logs with $argv from $level on', ({ argv, level }) => {
    expect(effectiveLogLevel(load(...argv))).toBe(level);
  });

  it('refuses a level that is none', () => {
    expect(() => effectiveLogLevel(load('--log-opt=level=loud'))).toThrow(/"loud" is no level/);
  });

  it.each([
    { argv: ['--pprof'], want: { host: 'localhost', port: 6_063 } },
    { argv: ['--pprof', '--pprof-address=::', '--pprof-port=7'], want: { host: '::', port: 7 } },
    { argv: ['--pprof-port=7'], want: undefined },
  ])('answers profiles with $argv at $want', ({ argv, want }) => {
    expect(profileAddress(load(...argv))).toEqual(want);
  });

  it.each([
    { text: ':9962', want: { host: '', port: 9_962 } },
    { text: 'localhost:9889', want: { host: 'localhost', port: 9_889 } },
    { text: '[::1]:1', want: { host: '::1', port: 1 } },
    { text: '', want: undefined },
  ])('takes the address "$text"', ({ text, want }) => {
    expect(load(`--prometheus-serve-addr=${text}`).prometheusServeAddr).toEqual(want);
  });

  it.each(['9962', ':99999', '::1:9962', 'localhost:http'])('refuses the address "%s"', (text) => {
    expect(() => load(`--prometheus-serve-addr=${text}`)).toThrow(/--prometheus-serve-addr.*must be \[HOST\]:PORT/);
  });

  it('takes what programs of Go have, and says that it has no effect', () => {
    const argv = ['--gops-port=9892', '--controller-group-metrics=all', '--enable-gops=true', '--log-driver=syslog'];
    expect(config.inert({ argv, env: {} }).map(({ description }) => description)).toEqual([
      'no effect: logs are lines on the standard output',
      'no effect: there is no gops, --pprof tells what the process does',
      'no effect: there is no gops, --pprof tells what the process does',
      'no effect: there are no controllers, /healthz has every job',
    ]);
  });
});
