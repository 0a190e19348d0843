import { beforeEach, describe, expect, it } from 'vitest';
import type { MappedMemory } from '../../../../main/bpf/mapped-memory.ts';
import {
  MAPPING_KINDS,
  UNWIND_LIMITS,
  UNWIND_MAPPING,
  UNWIND_PAGE,
  UNWIND_RULE,
} from '../../../../main/capture/wire/records.ts';
import { vaddrOfMapping } from '../../../../main/helper/unwind/image-loader.ts';
import { ImageTables } from '../../../../main/helper/unwind/image-tables.ts';
import { MappingSlots, signatureOf } from '../../../../main/helper/unwind/mapping-slots.ts';
import { type CodeMapping, readCode } from '../../../../main/helper/unwind/process-code.ts';
import { RowStore } from '../../../../main/helper/unwind/row-store.ts';
import { RuleBook } from '../../../../main/helper/unwind/rule-book.ts';
import { ok } from '../../../../main/shared/result.ts';
import { anonymousMemory, bytesIn } from '../../../support/memory.ts';

const TRAMPOLINE_RULE = 17;
const GONE = 2 ** 22 - 1;
let memory: MappedMemory;
let images: ImageTables;
let slots: MappingSlots;

function newImages(maxChunks: number): ImageTables {
  const chunkBytes = 2 ** UNWIND_LIMITS.chunkShift * 4;
  const store = new RowStore(
    new RuleBook(anonymousMemory(UNWIND_LIMITS.rules * UNWIND_RULE.size)),
    anonymousMemory(UNWIND_LIMITS.pages * UNWIND_PAGE.size),
    { createChunk: () => ok(anonymousMemory(chunkBytes)), maxChunks },
  );
  return new ImageTables(store, null);
}

function useImages(maxChunks: number): void {
  memory = anonymousMemory(UNWIND_LIMITS.mappings * UNWIND_MAPPING.size);
  images = newImages(maxChunks);
  slots = new MappingSlots(memory, images, TRAMPOLINE_RULE);
}
beforeEach(() => useImages(8));

const anonymous = (start: string, kind: CodeMapping['kind']): CodeMapping => ({
  ...{ start, end: `${start}fff`, fileOffset: 0, path: '//anon', inode: '' },
  kind,
});

function ownLibc(): CodeMapping {
  const code = readCode(process.pid);
  const found =
    typeof code === 'string' ? undefined : code.find(({ path }) => /libc\.so/.test(path));
  if (found === undefined) throw new Error('no C library');
  return found;
}

function slot(index: number) {
  const bytes = bytesIn(memory, index * UNWIND_MAPPING.size, UNWIND_MAPPING.size);
  const view = new DataView(bytes.buffer);
  const { fields } = UNWIND_MAPPING;
  return {
    start: view.getBigUint64(fields.start, true).toString(16),
    end: view.getBigUint64(fields.end, true).toString(16),
    bias: view.getBigUint64(fields.bias, true),
    firstPage: view.getUint32(fields.first_page, true),
    pages: view.getUint32(fields.pages, true),
    kind: view.getUint32(fields.kind, true),
    rule: view.getUint32(fields.rule, true),
  };
}

/** Loads everything that waits, as the unwind thread does. */
function loadAll(): void {
  for (let image = images.loadNext(); image !== null; image = images.loadNext())
    slots.complete(image);
}

describe('MappingSlots', () => {
  it('writes where a mapping is and how the walk goes on in it', () => {
    const slice = slots.write(1, [anonymous('7f00', 'jit'), anonymous('8f00', 'trampoline')])!;
    expect(slice).toMatchObject({ first: 0, count: 2, images: [null, null] });
    expect(slot(0)).toMatchObject({ start: '7f00', end: '7f00fff', kind: MAPPING_KINDS.jit });
    expect(slot(1)).toMatchObject({ kind: MAPPING_KINDS.rule, rule: TRAMPOLINE_RULE });
  });

  it('lets a file wait for its table, and leads to it once it is loaded', () => {
    const mapping = ownLibc();
    slots.write(process.pid, [anonymous('1000', 'jit'), mapping]);
    expect(slot(1)).toMatchObject({ kind: MAPPING_KINDS.pending, start: mapping.start });
    loadAll();
    expect(slot(1).kind).toBe(MAPPING_KINDS.table);
    expect(slot(1).pages).toBeGreaterThan(10);
    const image = images.imageOf(process.pid, mapping);
    const vaddr = vaddrOfMapping(image.segments, mapping.fileOffset)!;
    // Address less bias is the offset in the table's pages.
    expect(BigInt(`0x${mapping.start}`) - slot(1).bias).toBe(BigInt(vaddr - image.base));
  });

  it('leads at once to a table that is loaded already', () => {
    slots.write(process.pid, [ownLibc()]);
    loadAll();
    const later = slots.write(process.pid, [ownLibc()])!;
    expect(slot(later.first)).toMatchObject({ ...slot(0) });
    expect(images.pending).toBe(0);
    expect(images.count('loaded')).toBe(1);
  });

  it('uses slots again that were given back', () => {
    const slice = slots.write(1, [anonymous('1000', 'jit'), anonymous('2000', 'jit')])!;
    const after = slots.write(1, [anonymous('3000', 'jit')])!;
    expect(after.first).toBe(2);
    slots.release(slice);
    expect(slots.write(1, [anonymous('4000', 'jit')])!.first).toBe(0);
  });

  it('refuses a process for whose mappings there is no room', () => {
    const many = Array.from({ length: UNWIND_LIMITS.mappings }, (_, index) =>
      anonymous((index * 4096).toString(16), 'jit'),
    );
    const slice = slots.write(1, many)!;
    expect(slots.write(2, [anonymous('1000', 'jit')])).toBeNull();
    slots.release(slice);
    expect(slots.write(2, [anonymous('1000', 'jit')])).not.toBeNull();
  });
});

describe('signatureOf', () => {
  it('differs when anything does that the slots hold', () => {
    const base = ownLibc();
    const changes: Partial<CodeMapping>[] = [
      { start: '1' },
      { end: '2' },
      { inode: '8:1:77' },
      { kind: 'jit' },
    ];
    for (const change of changes) {
      expect(signatureOf([{ ...base, ...change }])).not.toBe(signatureOf([base]));
    }
    expect(signatureOf([{ ...base }])).toBe(signatureOf([base]));
  });
});

describe('ImageTables', () => {
  it('reads a file through a process that lives when an earlier one has ended', () => {
    slots.write(process.pid, [ownLibc()]);
    slots.write(GONE, [ownLibc()]);
    loadAll();
    expect(images.count('loaded')).toBe(1);
  });

  it('tries again for the next process when nobody lived to see a file read', () => {
    slots.write(GONE, [ownLibc()]);
    loadAll();
    expect(images.count('unreadable')).toBe(1);
    // Its code may be without frame pointers: no step is to be guessed.
    expect(slot(0).kind).toBe(MAPPING_KINDS.pending);
    slots.write(process.pid, [ownLibc()]);
    loadAll();
    expect(images.count('loaded')).toBe(1);
    expect(slot(0).kind).toBe(MAPPING_KINDS.table);
  });

  it('counts what the budget refuses, whose stacks say that a table is missing', () => {
    useImages(0);
    slots.write(process.pid, [ownLibc()]);
    loadAll();
    expect(images.count('refused')).toBe(1);
    expect(slot(0).kind).toBe(MAPPING_KINDS.pending);
  });

  it('forgets a file that nobody maps any more before its turn came', () => {
    const slice = slots.write(process.pid, [ownLibc()])!;
    slots.release(slice);
    loadAll();
    expect([images.count('pending'), images.count('loaded'), images.pending]).toEqual([0, 0, 0]);
  });

  it('drops the table that has been without a user for longest when room is needed', () => {
    const code = readCode(process.pid);
    const files = (typeof code === 'string' ? [] : code).filter(({ path }) =>
      /\/lib(c|m)\.so/.test(path),
    );
    expect(files).toHaveLength(2);
    useImages(1);
    const [first, second] = files as [CodeMapping, CodeMapping];
    // The chunk holds either with ease; 12 more copies of each do not fit: keys differ, content does not.
    const copies = Array.from({ length: 24 }, (_, index) => ({
      ...(index % 2 === 0 ? first : second),
      inode: '',
      path:
        index % 2 === 0
          ? `${'/.'.repeat(index + 1)}${first.path}`
          : `${'/.'.repeat(index + 1)}${second.path}`,
    }));
    for (const copy of copies) {
      const slice = slots.write(process.pid, [copy])!;
      loadAll();
      expect(slot(slice.first).kind).toBe(MAPPING_KINDS.table);
      slots.release(slice);
    }
    expect(images.count('refused')).toBe(0);
    expect(images.count('loaded')).toBeLessThan(24);
  });
});
