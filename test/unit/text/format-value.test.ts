import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatElapsed,
  formatFrequency,
  formatPercent,
  formatQuantity,
  formatRate,
} from '../../../main/shared/text/format-value.ts';

/** Narrow no-break space, written as an ordinary one in these tables. */
const plain = (text: string): string => text.replaceAll('\u202f', ' ');

describe('formatDuration', () => {
  it.each([
    [0, '0 s'],
    [0.25, '0.25 ns'],
    [850, '850 ns'],
    [999.4, '999 ns'],
    [999.6, '1 µs'],
    [1250, '1.25 µs'],
    [1.25e6, '1.25 ms'],
    [12.34e6, '12.3 ms'],
    [999.6e6, '1 s'],
    [10e9, '10 s'],
    [59.94e9, '59.9 s'],
    [59.96e9, '1 m 0 s'],
    [72e9, '1 m 12 s'],
    [3599.6e9, '1 h 0 m'],
    [7500e9, '2 h 5 m'],
    [90_000e9, '1 d 1 h'],
    [-1.5e6, '-1.5 ms'],
    [Number.NaN, '–'],
    [Number.POSITIVE_INFINITY, '–'],
  ])('writes %d ns as %s', (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });
});

describe('formatElapsed', () => {
  it.each([
    [0, '0 s'],
    [999e6, '0 s'],
    [59.99e9, '59 s'],
    [60e9, '1 m 0 s'],
  ])('writes %d ns as %s', (ns, text) => {
    expect(formatElapsed(ns)).toBe(text);
  });
});

describe('formatCount', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1 000'],
    [1_234_567.4, '1 234 567'],
    [-1234, '-1 234'],
    [-0.2, '0'],
    [Number.NaN, '–'],
  ])('writes %d as %s', (count, text) => {
    expect(plain(formatCount(count))).toBe(text);
  });
});

describe('formatQuantity', () => {
  it('uses the singular for one only', () => {
    expect([0, 1, 2].map((count) => formatQuantity(count, 'sample'))).toEqual([
      '0 samples',
      '1 sample',
      '2 samples',
    ]);
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [1536, '1.5 KiB'],
    [123 * 1024, '123 KiB'],
    [2.25 * 2 ** 30, '2.25 GiB'],
    [5000 * 2 ** 40, '5000 TiB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatPercent', () => {
  it.each([
    [0, '0 %'],
    [1, '100 %'],
    [0.701, '70.1 %'],
    [0.0999, '9.99 %'],
    [0.09996, '10.0 %'],
    [0.00004, '<0.01 %'],
    [0.00006, '0.01 %'],
    [0.9999, '>99.9 %'],
    [1.5, '150.0 %'],
    [-0.02, '-2.00 %'],
    [Number.NaN, '–'],
  ])('writes the share %d as %s', (share, text) => {
    expect(formatPercent(share)).toBe(text);
  });
});

describe('formatFrequency', () => {
  it.each([
    [99, '99 Hz'],
    [999, '999 Hz'],
    [4999, '4.999 kHz'],
    [20_000, '20 kHz'],
    [3e6, '3 MHz'],
  ])('writes %d Hz as %s', (hz, text) => {
    expect(formatFrequency(hz)).toBe(text);
  });
});

describe('formatRate', () => {
  it('groups large rates and shortens small ones', () => {
    expect(formatRate(98.765, 'samples')).toBe('98.8 samples/s');
    expect(plain(formatRate(12_345.6, 'samples'))).toBe('12 346 samples/s');
  });
});
