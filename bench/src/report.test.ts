import { describe, expect, it } from '@jest/globals';

import { joinReports, renderReport, reportLine, reportPasses } from './report.ts';

const report = {
  bench: 'propagation',
  figures: {
    p50_ms: { value: 1.23456, unit: 'ms' },
    p99_ratio: { value: 2.5, unit: 'x', target: { atMost: 2 } },
    lost: { value: 0, unit: 'count', target: { atMost: 0 } },
  },
};

describe('a report', () => {
  it('is one line of JSON for machines', () => {
    expect(reportLine(report)).toBe(
      '{"bench":"propagation","figures":{"p50_ms":{"value":1.235,"unit":"ms","target":null,"pass":true},' +
        '"p99_ratio":{"value":2.5,"unit":"x","target":"<= 2","pass":false},' +
        '"lost":{"value":0,"unit":"count","target":"<= 0","pass":true}},"pass":false}',
    );
  });

  it('has null for what was not measured', () => {
    const line = reportLine({ bench: 'b', figures: { a: { value: NaN, unit: 'ms', target: { atMost: 1 } } } });
    expect(JSON.parse(line)).toEqual({
      bench: 'b',
      figures: { a: { value: null, unit: 'ms', target: '<= 1', pass: false } },
      pass: false,
    });
  });

  it('is a table for people', () => {
    expect(renderReport(report)).toBe(
      [
        'FIGURE      VALUE   UNIT    TARGET   VERDICT',
        'p50_ms      1.235   ms',
        'p99_ratio   2.500   x       <= 2     FAIL',
        'lost            0   count   <= 0     pass',
      ].join('\n'),
    );
  });

  it('passes when every figure does', () => {
    expect(reportPasses(report)).toBe(false);
    expect(reportPasses({ bench: 'b', figures: { lost: report.figures.lost } })).toBe(true);
  });

  it('joins others under their names', () => {
    const joined = joinReports('all', [report, { bench: 'mirror', figures: { rate: { value: 7, unit: '1/s' } } }]);
    expect(Object.keys(joined.figures)).toEqual([
      'propagation.p50_ms',
      'propagation.p99_ratio',
      'propagation.lost',
      'mirror.rate',
    ]);
    expect(reportPasses(joined)).toBe(false);
  });
});
