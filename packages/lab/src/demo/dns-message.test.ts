import { describe, expect, it } from '@jest/globals';

import { answerDns, txtRecord } from './dns-message.ts';

const names = (name: string): ReturnType<typeof txtRecord>[] | undefined =>
  name === 'who.' ? [txtRecord('e/p')] : undefined;

function answer(hex: string): string | undefined {
  return answerDns(Buffer.from(hex, 'hex'), names)?.toString('hex');
}

const header = '000a' + '0100' + '0001' + '0000' + '0000' + '0000';
const who = '0377686f00';

describe('answerDns', () => {
  it('repeats id, recursion bit and question, and points back at the name', () => {
    const record = 'c00c' + '0010' + '0001' + '00000001' + '0004' + '03652f70';
    const question = `${who}00100001`;
    expect(answer(header + question)).toBe(`000a85000001000100000000${question}${record}`);
  });

  it.each([
    { name: 'no such record', query: `${header}${who}00010001`, want: '8500' },
    { name: 'no such name', query: `${header}036e6f6200` + '00010001', want: '8503' },
    { name: 'a question that ends too early', query: `${header}0377`, want: '8501' },
    { name: 'a question without type', query: `${header}${who}00`, want: '8501' },
    { name: 'a compressed question', query: `${header}c00c00100001`, want: '8501' },
    { name: 'no question', query: header.replace('0001', '0000'), want: '8501' },
    { name: 'an update', query: `000a28000001000000000000${who}00100001`, want: 'ac04' },
    { name: 'another class', query: `${header}${who}00100003`, want: '8504' },
  ])('says so: $name', ({ query, want }) => {
    expect(answer(query)?.slice(4, 8)).toBe(want);
    expect(answer(query)?.slice(12, 16)).toBe('0000'); // answers
  });

  it.each([
    { name: 'what is shorter than a header', query: '000a' },
    { name: 'an answer, or two servers would talk for ever', query: `000a84000001000000000000${who}00100001` },
  ])('is silent to $name', ({ query }) => {
    expect(answer(query)).toBeUndefined();
  });
});
