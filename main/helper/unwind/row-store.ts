import type { Result } from '#shared/result.ts';
import { type MappedMemory, memoryFence } from '../../bpf/mapped-memory.ts';
import { UNWIND_LIMITS, UNWIND_PAGE } from '../../capture/wire/records.ts';
import type { UnwindTable } from '../../unwind/unwind-table.ts';
import { IntervalAllocator } from './interval-allocator.ts';
import type { RuleBook } from './rule-book.ts';
import { type PageRows, pageCountOf, pagesOf } from './table-pages.ts';

const ROWS_PER_CHUNK = 2 ** UNWIND_LIMITS.chunkShift;

/** Where a table's rows are in the kernel. */
export interface StoredTable {
  readonly firstPage: number;
  readonly pages: number;
  readonly ranges: readonly RowRange[];
}

interface RowRange {
  readonly chunk: number;
  readonly start: number;
  readonly rows: number;
}

/** A chunk of rows in the kernel. */
export type ChunkMemory = Pick<MappedMemory, 'write'>;

interface Chunk {
  readonly memory: ChunkMemory;
  readonly rows: IntervalAllocator;
}

/** Makes the chunk of that index; the error is an errno name. */
export type ChunkFactory = (index: number) => Result<ChunkMemory, string>;

/** The rows of all loaded tables, in chunks made as they are needed, up to the memory budget. */
export class RowStore {
  readonly #book: RuleBook;
  readonly #pagesMemory: MappedMemory;
  readonly #createChunk: ChunkFactory;
  readonly #maxChunks: number;
  readonly #pages = new IntervalAllocator(UNWIND_LIMITS.pages);
  readonly #chunks: Chunk[] = [];

  constructor(
    book: RuleBook,
    pagesMemory: MappedMemory,
    budget: { readonly createChunk: ChunkFactory; readonly maxChunks: number },
  ) {
    this.#book = book;
    this.#pagesMemory = pagesMemory;
    this.#createChunk = budget.createChunk;
    this.#maxChunks = budget.maxChunks;
  }

  /** Kernel memory of rows, pages and rules in use, bytes. */
  get bytes(): number {
    const usedPages = UNWIND_LIMITS.pages - this.#pages.free;
    return this.#chunks.length * ROWS_PER_CHUNK * 4 + usedPages * UNWIND_PAGE.size;
  }

  /** Puts a table into the kernel; null: there is no room for it now. */
  add(table: UnwindTable): StoredTable | null {
    const pages = pageCountOf(table);
    const firstPage = this.#pages.allocate(pages);
    if (firstPage < 0) return null;
    const toBook = Uint16Array.from(table.rules, (rule) => this.#book.indexOf(rule));
    const ranges: RowRange[] = [];
    const entries = new Uint32Array(pages * 2);
    let page = 0;
    for (const rows of pagesOf(table, toBook)) {
      const range = this.#place(rows);
      if (range === null) {
        this.#release({ firstPage, pages, ranges });
        return null;
      }
      if (rows.length > 0) ranges.push(range);
      entries[page * 2] = range.chunk * ROWS_PER_CHUNK + range.start;
      entries[page * 2 + 1] = rows.length;
      page++;
    }
    memoryFence();
    this.#pagesMemory.write(bytesOf(entries), firstPage * UNWIND_PAGE.size);
    return { firstPage, pages, ranges };
  }

  /** Takes a table out. No mapping may lead to it any more, nor have done so a moment ago. */
  remove(stored: StoredTable): void {
    const nothing = new Uint8Array(stored.pages * UNWIND_PAGE.size);
    this.#pagesMemory.write(nothing, stored.firstPage * UNWIND_PAGE.size);
    this.#release(stored);
  }

  #release({ firstPage, pages, ranges }: StoredTable): void {
    for (const { chunk, start, rows } of ranges) this.#chunks[chunk]!.rows.release(start, rows);
    this.#pages.release(firstPage, pages);
  }

  #place(rows: PageRows): RowRange | null {
    if (rows.length === 0) return { chunk: 0, start: 0, rows: 0 };
    for (let index = 0; index < this.#maxChunks; index++) {
      const chunk = this.#chunks[index] ?? this.#grow();
      if (chunk === null) return null;
      const start = chunk.rows.allocate(rows.length);
      if (start < 0) continue;
      chunk.memory.write(bytesOf(rows), start * 4);
      return { chunk: index, start, rows: rows.length };
    }
    return null;
  }

  #grow(): Chunk | null {
    const memory = this.#createChunk(this.#chunks.length);
    if (!memory.ok) return null;
    const chunk = { memory: memory.value, rows: new IntervalAllocator(ROWS_PER_CHUNK) };
    this.#chunks.push(chunk);
    return chunk;
  }
}

const bytesOf = (words: Uint32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
