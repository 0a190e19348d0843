import { describe, expect, it } from 'vitest';
import { pageCountOf, pagesOf } from '../../../../main/helper/unwind/table-pages.ts';
import { NONE_RULE, UNSUPPORTED_RULE } from '../../../../main/unwind/known-rules.ts';
import type { UnwindTable } from '../../../../main/unwind/unwind-table.ts';
import { randomFrom } from '../../../support/random.ts';

const tableOf = (...rows: readonly (readonly [address: number, rule: number])[]): UnwindTable => ({
  base: 0,
  addresses: Uint32Array.from(rows, ([address]) => address),
  ruleIndexes: Uint16Array.from(rows, ([, rule]) => rule),
  rules: [NONE_RULE, UNSUPPORTED_RULE, NONE_RULE, NONE_RULE],
});
/** Rule i of a table is rule 10 i of the kernel's, and its rule 0 the kernel's rule 0. */
const TO_BOOK = Uint16Array.of(0, 10, 20, 30);
const pages = (table: UnwindTable): number[][] =>
  [...pagesOf(table, TO_BOOK)].map((page) => [...page]);
const row = (rule: number, low: number): number => rule * 65_536 + low;

/** As find_rule() of native-bpf/unwind.bpf.h searches: the last row at or below the address. */
function ruleIn(page: Uint32Array, low: number): number {
  if (page.length === 0) return 0;
  let from = 0;
  let to = page.length;
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if ((page[middle]! & 0xffff) <= low) from = middle;
    else to = middle;
  }
  return page[from]! >>> 16;
}

describe('pagesOf', () => {
  it('gives each row the low half of its address and the rule of the kernel', () => {
    const table = tableOf([0, 1], [0x10, 2], [0xffff, 0]);
    expect(pages(table)).toEqual([[row(10, 0), row(20, 0x10), row(0, 0xffff)]]);
  });

  it('begins every page with the rule in force at its first byte', () => {
    const table = tableOf([0x20, 1], [0x1_0010, 2], [0x3_0000, 3], [0x3_0004, 0]);
    expect(pages(table)).toEqual([
      [row(0, 0), row(10, 0x20)],
      [row(10, 0), row(20, 0x10)],
      [row(20, 0)],
      [row(30, 0), row(0, 4)],
    ]);
  });

  it('leaves a page empty of which nothing is known', () => {
    const table = tableOf([0, 1], [0x100, 0], [0x2_0000, 2], [0x2_0001, 0]);
    expect(pages(table)[1]).toEqual([]);
    expect(pageCountOf(table)).toBe(3);
  });

  it('has no page of an empty table', () => {
    expect(pageCountOf(tableOf())).toBe(0);
    expect(pages(tableOf())).toEqual([]);
  });

  it('says for every address what the table says', () => {
    const random = randomFrom(7);
    const addresses = new Set<number>();
    while (addresses.size < 3000) {
      // Crowded in places, so that pages differ in how full they are.
      const near = Math.floor(random() * 6) * 65_536;
      addresses.add(near + Math.floor(random() ** 3 * 65_536));
    }
    const rows = [...addresses]
      .sort((a, b) => a - b)
      .map((address) => [address, Math.floor(random() * 4)] as const);
    const table = tableOf(...rows);
    const cut = [...pagesOf(table, TO_BOOK)];
    let current = 0;
    let next = 0;
    for (let address = 0; address <= rows.at(-1)![0]; address++) {
      if (rows[next]?.[0] === address) current = TO_BOOK[rows[next++]![1]]!;
      const found = ruleIn(cut[address >>> 16]!, address & 0xffff);
      // Not expect() at each of 400,000 addresses.
      if (found !== current) expect({ address, found }).toEqual({ address, found: current });
    }
    expect(next).toBe(rows.length);
  });
});
