import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NONE_RULE } from '../../../main/unwind/known-rules.ts';
import {
  decodeUnwindTable,
  encodeUnwindTable,
  type StoredTable,
} from '../../../main/unwind/table-codec.ts';
import type { UnwindRule } from '../../../main/unwind/unwind-table.ts';

const offset = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const anyRule: fc.Arbitrary<UnwindRule> = fc.record({
  cfaKind: fc.integer({ min: 0, max: 5 }),
  cfaRegister: fc.integer({ min: 0, max: 31 }),
  cfaOffset: offset,
  cfaAddend: offset,
  fpKind: fc.integer({ min: 0, max: 3 }),
  fpOffset: offset,
  raKind: fc.integer({ min: 0, max: 2 }),
  raOffset: offset,
});

const anyTable: fc.Arbitrary<StoredTable> = fc
  .record({
    buildId: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    pages: fc.nat(2 ** 31),
    rules: fc.array(anyRule, { maxLength: 20 }),
    rows: fc.uniqueArray(fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff)), {
      selector: ([address]) => address,
    }),
  })
  .map(({ buildId, pages, rules, rows }) => {
    const sorted = rows.toSorted((a, b) => a[0] - b[0]);
    const all = [NONE_RULE, ...rules];
    return {
      buildId,
      table: {
        base: pages * 65_536,
        addresses: Uint32Array.from(sorted, ([address]) => address),
        ruleIndexes: Uint16Array.from(sorted, ([, index]) => index % all.length),
        rules: all,
      },
    };
  });

const EXAMPLE: StoredTable = {
  buildId: 'c0ffee00',
  table: {
    base: 65_536,
    addresses: Uint32Array.of(1, 5, 9),
    ruleIndexes: Uint16Array.of(0, 1, 0),
    rules: [NONE_RULE, { ...NONE_RULE, cfaKind: 1, cfaRegister: 7, cfaOffset: 8 }],
  },
};

describe('decodeUnwindTable', () => {
  it('gives back what encodeUnwindTable took', () => {
    fc.assert(
      fc.property(anyTable, (stored) => {
        expect(decodeUnwindTable(encodeUnwindTable(stored))).toEqual({ ok: true, value: stored });
      }),
    );
  });

  it('reads bytes at any alignment', () => {
    const bytes = encodeUnwindTable(EXAMPLE);
    const shifted = Buffer.concat([Buffer.of(0), bytes]).subarray(1);
    expect(decodeUnwindTable(shifted)).toEqual({ ok: true, value: EXAMPLE });
  });

  it('refuses every file with one byte changed', () => {
    const bytes = encodeUnwindTable(EXAMPLE);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = damaged[at]! ^ 0x40;
      expect([at, decodeUnwindTable(damaged).ok]).toEqual([at, false]);
    }
  });

  it('refuses every file cut short', () => {
    const bytes = encodeUnwindTable(EXAMPLE);
    for (let length = 0; length < bytes.length; length++) {
      expect([length, decodeUnwindTable(bytes.subarray(0, length)).ok]).toEqual([length, false]);
    }
  });

  it.each<[string, Partial<StoredTable['table']>]>([
    ['rows out of order', { addresses: Uint32Array.of(1, 9, 5) }],
    ['two rows at one address', { addresses: Uint32Array.of(1, 5, 5) }],
    ['rules that are not there', { ruleIndexes: Uint16Array.of(0, 2, 0) }],
    ['another first rule', { rules: [EXAMPLE.table.rules[1]!, NONE_RULE] }],
    ['a kind that is none', { rules: [NONE_RULE, { ...NONE_RULE, cfaKind: 6 }] }],
    ['a register that is none', { rules: [NONE_RULE, { ...NONE_RULE, cfaRegister: -1 }] }],
    ['a base that is no multiple', { base: 4096 }],
  ])('refuses a sound file with %s', (_name, change) => {
    const bytes = encodeUnwindTable({ ...EXAMPLE, table: { ...EXAMPLE.table, ...change } });
    expect(decodeUnwindTable(bytes)).toEqual({ ok: false, error: 'not-a-table' });
  });
});
