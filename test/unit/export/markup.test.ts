import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeMarkup, scriptSafeJson } from '../../../main/export/markup.ts';

describe('escapeMarkup', () => {
  it('escapes what markup means something by and drops what it forbids', () => {
    expect(escapeMarkup(`<a b="c" d='e'>&\u0000\x1b\ufffe\ud800`)).toBe(
      '&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;????',
    );
  });

  it('keeps characters beyond the basic plane', () => {
    expect(escapeMarkup('日本 🔥')).toBe('日本 🔥');
  });
});

describe('scriptSafeJson', () => {
  it('is the same JSON and holds no bracket', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = scriptSafeJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text).not.toMatch(/[<>&\u2028\u2029]/);
      }),
    );
  });
});
