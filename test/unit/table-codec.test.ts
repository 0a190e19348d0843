import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import {
  cursorFromText,
  cursorToText,
  decodeDelta,
  encodeDelta,
} from '../../main/shared/model/table-codec.ts';
import { anyBatches, expectedDelta } from '../support/any-batches.ts';

const anyDelta = () => anyBatches().map(expectedDelta);

describe('decodeDelta', () => {
  it('reverses encodeDelta', () => {
    fc.assert(
      fc.property(anyDelta(), (delta) => {
        expect(decodeDelta(encodeDelta(delta))).toEqual(delta);
      }),
      { numRuns: 50 },
    );
  });

  it('makes views of aligned bytes, and copies at any other offset', () => {
    const delta = fc.sample(anyDelta(), { seed: 1, numRuns: 1 })[0]!;
    const bytes = encodeDelta(delta);
    expect(decodeDelta(bytes).tables.samples.time.buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(decodeDelta(shifted)).toEqual(delta);
  });

  it('throws on bytes that are cut off anywhere or are something else', () => {
    const bytes = encodeDelta(fc.sample(anyDelta(), { seed: 2, numRuns: 1 })[0]!);
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => decodeDelta(bytes.subarray(0, length))).toThrow();
    }
    const other = bytes.slice();
    other[0] = 0;
    expect(() => decodeDelta(other)).toThrow(/not a session delta/);
  });

  it('throws on a header that claims columns beyond the bytes', () => {
    const bytes = encodeDelta(fc.sample(anyDelta(), { seed: 3, numRuns: 1 })[0]!);
    const text = new TextDecoder('latin1').decode(bytes);
    const last = text.lastIndexOf('"offset":') + '"offset":'.length;
    const digits = /^\d+/.exec(text.slice(last))![0];
    const forged = bytes.slice();
    forged.fill('9'.charCodeAt(0), last, last + digits.length);
    expect(() => decodeDelta(forged)).toThrow(/cut off/);
  });
});

describe('cursorFromText', () => {
  it('reverses cursorToText', () => {
    const cursor = { ...EMPTY_CURSOR, images: 3, chunks: 12, symbols: 99_999 };
    expect(cursorFromText(cursorToText(cursor))).toEqual(cursor);
  });

  it.each([
    '',
    '1',
    '1.2.3.4.5.6.7.8',
    '1.2.3.4.5.6.7.8.9.10',
    '-1.0.0.0.0.0.0.0.0',
    'a.0.0.0.0.0.0.0.0',
  ])('gives null for "%s"', (text) => {
    expect(cursorFromText(text)).toBeNull();
  });
});
