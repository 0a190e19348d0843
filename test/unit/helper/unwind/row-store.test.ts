import { describe, expect, it } from 'vitest';
import type { MappedMemory } from '../../../../main/bpf/mapped-memory.ts';
import { UNWIND_LIMITS, UNWIND_PAGE, UNWIND_RULE } from '../../../../main/capture/wire/records.ts';
import { RowStore } from '../../../../main/helper/unwind/row-store.ts';
import { RuleBook } from '../../../../main/helper/unwind/rule-book.ts';
import { err, ok } from '../../../../main/shared/result.ts';
import { NONE_RULE, PERF_TRAMPOLINE_RULE } from '../../../../main/unwind/known-rules.ts';
import type { UnwindTable } from '../../../../main/unwind/unwind-table.ts';
import { anonymousMemory, bytesIn } from '../../../support/memory.ts';

const CHUNK_ROWS = 2 ** UNWIND_LIMITS.chunkShift;

function newStore(maxChunks: number) {
  const chunks: MappedMemory[] = [];
  const pages = anonymousMemory(UNWIND_LIMITS.pages * UNWIND_PAGE.size);
  const book = new RuleBook(anonymousMemory(UNWIND_LIMITS.rules * UNWIND_RULE.size));
  const createChunk = (index: number) => {
    if (index !== chunks.length) return err('EINVAL');
    chunks.push(anonymousMemory(CHUNK_ROWS * 4));
    return ok(chunks.at(-1)!);
  };
  return { chunks, pages, store: new RowStore(book, pages, { createChunk, maxChunks }) };
}

/** A table of whole pages, a row at every `step`th byte, alternating between two rules. */
function tableOf(pages: number, step: number): UnwindTable {
  const length = (pages * 65_536) / step;
  return {
    base: 0,
    addresses: Uint32Array.from({ length }, (_, index) => index * step),
    ruleIndexes: Uint16Array.from({ length }, (_, index) => 1 + (index & 1)),
    rules: [NONE_RULE, PERF_TRAMPOLINE_RULE, { ...PERF_TRAMPOLINE_RULE, cfaOffset: 24 }],
  };
}

type Store = ReturnType<typeof newStore>;

/** Rows of a page as the programs reach them: unwind_pages, then unwind_chunks. */
function rowsOf({ chunks, pages }: Store, page: number): Uint32Array {
  const [first = 0, rows = 0] = new Uint32Array(
    bytesIn(pages, page * UNWIND_PAGE.size, UNWIND_PAGE.size).buffer,
  );
  if (rows === 0) return new Uint32Array();
  // A page's rows never straddle two chunks.
  expect((first % CHUNK_ROWS) + rows).toBeLessThanOrEqual(CHUNK_ROWS);
  const chunk = chunks[Math.floor(first / CHUNK_ROWS)]!;
  return new Uint32Array(bytesIn(chunk, (first % CHUNK_ROWS) * 4, rows * 4).buffer);
}

describe('RowStore', () => {
  it('puts each page where the programs find it, over as many chunks as it takes', () => {
    const parts = newStore(4);
    const stored = parts.store.add(tableOf(3, 1))!;
    expect(stored.pages).toBe(3);
    // 65,536 rows each: two pages fill a chunk.
    expect(parts.chunks).toHaveLength(2);
    for (let page = 0; page < 3; page++) {
      const rows = rowsOf(parts, stored.firstPage + page);
      expect(rows).toHaveLength(65_536);
      expect([rows[0]! & 0xffff, rows[65_535]! & 0xffff]).toEqual([0, 65_535]);
      expect(rows[0]! >>> 16).not.toBe(rows[1]! >>> 16);
    }
    expect(parts.store.bytes).toBe(2 * CHUNK_ROWS * 4 + 3 * UNWIND_PAGE.size);
  });

  it('refuses what the budget has no room for, and leaves nothing behind', () => {
    const parts = newStore(1);
    expect(parts.store.add(tableOf(1, 1))).not.toBeNull();
    expect(parts.store.add(tableOf(2, 1))).toBeNull();
    expect(parts.chunks).toHaveLength(1);
    // The half that fitted was given back.
    expect(parts.store.add(tableOf(1, 1))).not.toBeNull();
    expect(parts.store.add(tableOf(1, 65_536))).toBeNull();
  });

  it('uses the room of a removed table again, and forgets its pages', () => {
    const parts = newStore(1);
    const first = parts.store.add(tableOf(2, 1))!;
    expect(parts.store.add(tableOf(1, 2))).toBeNull();
    parts.store.remove(first);
    expect(rowsOf(parts, first.firstPage)).toHaveLength(0);
    const second = parts.store.add(tableOf(1, 2))!;
    expect(rowsOf(parts, second.firstPage)).toHaveLength(32_768);
    expect(parts.chunks).toHaveLength(1);
  });

  it('has no room where the kernel makes no chunk', () => {
    const pages = anonymousMemory(UNWIND_LIMITS.pages * UNWIND_PAGE.size);
    const book = new RuleBook(anonymousMemory(UNWIND_LIMITS.rules * UNWIND_RULE.size));
    const createChunk = () => err('ENOMEM');
    expect(new RowStore(book, pages, { createChunk, maxChunks: 8 }).add(tableOf(1, 4))).toBeNull();
  });
});
