import { describe, expect, it } from 'vitest';
import { MAX_FILTER_STEPS, parseFilter } from '../../../main/shared/model/trace-filter.ts';

/** Steps as text: comparisons in brackets, joins by name. */
function postfix(expression: string): string {
  const parsed = parseFilter(expression);
  if (!parsed.ok) return `${parsed.error.at}: ${parsed.error.reason}`;
  return parsed.value
    .map((step) =>
      step.kind === 'compare'
        ? `[${step.comparison.field} ${step.comparison.operator} ${String(step.comparison.value)}]`
        : step.kind,
    )
    .join(' ');
}

describe('parseFilter', () => {
  it.each([
    ['', ''],
    ['   ', ''],
    ['pid == 42', '[pid == 42]'],
    ['a==1&&b!=2||c<3', '[a == 1] [b != 2] and [c < 3] or'],
    ['a==1 && (b!=2 || c<3)', '[a == 1] [b != 2] [c < 3] or and'],
    ['!a & 0x10', '[a & 16] not'],
    [
      '!(a > 1 || b >= -2) && c <= 0xffffffffffffffff',
      '[a > 1] [b >= -2] or not [c <= 18446744073709551615] and',
    ],
    ['comm == "a \\"b\\""', '[comm == a "b"]'],
    ['args.name ~ "/etc"', '[args.name ~ /etc]'],
  ])('reads %s', (expression, expected) => {
    expect(postfix(expression)).toBe(expected);
  });

  it.each([
    ['pid', 3, /one of == !=/],
    ['pid ==', 6, /number or a text/],
    ['pid = 3', 4, /"=" is not expected/],
    ['== 3', 0, /name of a field/],
    ['pid == 3 comm == 4', 9, /join comparisons/],
    ['(pid == 3', 0, /not closed/],
    ['pid == 3)', 8, /not expected here/],
    ['comm < "a"', 7, /not by </],
    ['pid ~ 3', 6, /text in "quotes"/],
    ['pid == 0x10000000000000000', 7, /64 bits/],
    ['pid == -0x8000000000000001', 7, /64 bits/],
    ['comm == "open', 8, /not expected/],
    [`${'('.repeat(20)}a == 1${')'.repeat(20)}`, 16, /too deep/],
    [Array.from({ length: 40 }, () => 'a == 1').join(' || '), 0, /parts, allowed are/],
  ])('refuses %s and says where', (expression, at, reason) => {
    const parsed = parseFilter(expression);
    expect(parsed).toMatchObject({ ok: false, error: { at } });
    expect(parsed.ok ? '' : parsed.error.reason).toMatch(reason);
  });

  it('takes as many steps as the program has room for', () => {
    const comparisons = (MAX_FILTER_STEPS + 1) / 2;
    const text = Array.from({ length: comparisons }, () => 'a == 1').join(' && ');
    expect(parseFilter(text)).toMatchObject({ ok: true, value: { length: MAX_FILTER_STEPS } });
  });
});
