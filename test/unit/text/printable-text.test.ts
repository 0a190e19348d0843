import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  escapeUnprintable,
  fitted,
  printable,
  withoutUnprintable,
} from '../../../main/shared/text/printable-text.ts';

describe('printable', () => {
  it.each([
    ['plain über 日本 🔥', 'plain über 日本 🔥'],
    ['\x1b[31mred', String.raw`\x1b[31mred`],
    ['a\nb\tc\x7f\x9b', String.raw`a\x0ab\x09c\x7f\x9b`],
    ['abc\u202egnp', String.raw`abc\u202egnp`],
    ['x\ud800y', String.raw`x\ud800y`],
  ])('writes %j as %j', (raw, shown) => {
    expect(printable(raw)).toBe(shown);
  });

  it('leaves no control character in any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});

describe('escapeUnprintable', () => {
  it('keeps the value of JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value, null, 2);
        const escaped = escapeUnprintable(json);
        expect(JSON.parse(escaped)).toEqual(JSON.parse(json));
        expect(escaped.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  it('escapes what JSON leaves raw', () => {
    expect(escapeUnprintable(JSON.stringify('\x9b1m\u202e'))).toBe(String.raw`"\u009b1m\u202e"`);
  });
});

describe('withoutUnprintable', () => {
  it('puts the substitute in', () => {
    expect(withoutUnprintable('a\nb\x1bc', '?')).toBe('a?b?c');
  });
});

describe('fitted', () => {
  it('cuts the middle out of what is too long', () => {
    expect(fitted('abcdefghij', 7)).toBe('abc…hij');
  });

  it('leaves what fits', () => {
    expect(fitted('abc', 3)).toBe('abc');
  });

  it('never exceeds the width', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 20 }), (text, width) => {
        expect(Array.from(fitted(text, width)).length).toBeLessThanOrEqual(width);
      }),
    );
  });
});
