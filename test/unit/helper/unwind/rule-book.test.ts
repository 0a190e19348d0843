import { describe, expect, it } from 'vitest';
import { UNWIND_LIMITS, UNWIND_RULE } from '../../../../main/capture/wire/records.ts';
import { encodeRule, RuleBook } from '../../../../main/helper/unwind/rule-book.ts';
import {
  NONE_INDEX,
  NONE_RULE,
  PERF_TRAMPOLINE_RULE,
  UNSUPPORTED_INDEX,
  UNSUPPORTED_RULE,
} from '../../../../main/unwind/known-rules.ts';
import { anonymousMemory, bytesIn } from '../../../support/memory.ts';

const newBook = () => {
  const memory = anonymousMemory(UNWIND_LIMITS.rules * UNWIND_RULE.size);
  return { memory, book: new RuleBook(memory) };
};
const ruleOf = (cfaOffset: number) => ({ ...PERF_TRAMPOLINE_RULE, cfaOffset });

describe('RuleBook', () => {
  it('has the rules that every table begins with in their places', () => {
    const { book } = newBook();
    expect(book.indexOf(NONE_RULE)).toBe(NONE_INDEX);
    expect(book.indexOf(UNSUPPORTED_RULE)).toBe(UNSUPPORTED_INDEX);
    expect(book.length).toBe(2);
  });

  it('writes each rule once, whoever brings it', () => {
    const { memory, book } = newBook();
    const index = book.indexOf(ruleOf(48));
    expect(book.indexOf({ ...ruleOf(48) })).toBe(index);
    expect(book.indexOf(ruleOf(56))).toBe(index + 1);
    const written = bytesIn(memory, index * UNWIND_RULE.size, UNWIND_RULE.size);
    expect(written).toEqual(encodeRule(ruleOf(48)));
  });

  it('encodes every field as struct unwind_rule, negative offsets too', () => {
    const bytes = encodeRule({
      ...{ cfaKind: 2, cfaRegister: 7, cfaOffset: -8, cfaAddend: 16 },
      ...{ fpKind: 1, fpOffset: -24, raKind: 1, raOffset: -2_000_000 },
    });
    const view = new DataView(bytes.buffer);
    const { fields } = UNWIND_RULE;
    expect([
      view.getUint8(fields.cfa_kind),
      view.getUint8(fields.cfa_register),
      view.getUint8(fields.fp_kind),
      view.getUint8(fields.ra_kind),
    ]).toEqual([2, 7, 1, 1]);
    expect(
      [fields.cfa_offset, fields.cfa_addend, fields.fp_offset, fields.ra_offset].map((at) =>
        view.getInt32(at, true),
      ),
    ).toEqual([-8, 16, -24, -2_000_000]);
  });

  it('calls a rule unsupported that finds no room, counts it, and keeps the others', () => {
    const { book } = newBook();
    for (let offset = 0; book.length < UNWIND_LIMITS.rules; offset++) book.indexOf(ruleOf(offset));
    expect(book.indexOf(ruleOf(-1))).toBe(UNSUPPORTED_INDEX);
    expect(book.indexOf(ruleOf(-2))).toBe(UNSUPPORTED_INDEX);
    expect(book.overflows).toBe(2);
    expect(book.indexOf(ruleOf(0))).toBe(2);
  });
});
