import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { defineConfig } from './config.ts';
import { durationSetting, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
    ['0', 0],
  ])('%s is %i ms', (text, value) => {
    expect(parseDuration(text)).toEqual({ ok: true, value });
  });

  it.each(['', '15', 'm', '5 m', '-5m', '5d', '.5h', '1m 30s', 'x5m', '5mx'])(
    'refuses "%s" and says how to write one',
    (text) => {
      expect(parseDuration(text)).toEqual({
        ok: false,
        reason: `"${text}" is not a duration: write 90s, 15m or 1h30m`,
      });
    },
  );
});

describe('durationSetting', () => {
  const config = defineConfig(
    z.object({
      grace: durationSetting('3m', 'how long data is kept'),
      lease: durationSetting('15m', 'how long entries live').refine((ms) => ms >= 25_000, 'must be at least 25s'),
    }),
  );
  const load = (...argv: string[]) => config.load({ argv, env: {} });

  it('is in milliseconds, by default too', () => {
    expect(load('--grace=1m30s')).toEqual({ grace: 90_000, lease: 900_000 });
  });

  it('may be checked further', () => {
    expect(() => load('--lease=24s')).toThrow('--lease (or CLUSTERMESH_LEASE): must be at least 25s');
  });

  it('says which setting is no duration, and what was given', () => {
    expect(() => load('--grace=3')).toThrow('--grace (or CLUSTERMESH_GRACE): "3" is not a duration');
  });

  it.each([
    ['grace', 'how long data is kept (default 3m)'],
    ['lease', 'how long entries live (default 15m)'],
  ])('shows the default of %s once, as it was written', (flag, want) => {
    const lines = config.help('usage: x').split('\n');
    expect(lines.find((line) => line.includes(`--${flag} `))?.split(/ {2,}/)).toEqual(['', `--${flag}`, want]);
  });
});
