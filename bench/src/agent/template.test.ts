import { describe, expect, it } from '@jest/globals';

import { template } from './template.ts';

describe('template', () => {
  it('fills each hole wherever it is', () => {
    const fill = template('{"a":"@x@","b":@y@,"c":"@x@-@y@"}', ['@x@', '@y@']);
    expect(fill('one', '2')).toBe('{"a":"one","b":2,"c":"one-2"}');
  });

  it('may have no holes', () => {
    expect(template('as it is', ['@x@'])('one')).toBe('as it is');
  });
});
