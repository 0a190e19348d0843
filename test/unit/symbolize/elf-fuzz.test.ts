import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ByteSource, bufferSource } from '../../../main/elf/byte-source.ts';
import { ElfFile, segmentAtOffset } from '../../../main/elf/elf-file.ts';
import { buildIdOf, debugLinkOf } from '../../../main/elf/elf-notes.ts';
import { readDynsym, readMiniDebug, readSymtab } from '../../../main/symbolize/elf-symbols.ts';
import { readGoFunctions } from '../../../main/symbolize/go-functions.ts';
import { SymbolTable } from '../../../main/symbolize/symbol-table.ts';

/** Counts what is asked for: nothing larger than the file may be. */
function watched(bytes: Uint8Array): ByteSource & { largest: number } {
  const inner = bufferSource(bytes);
  const source = {
    size: inner.size,
    largest: 0,
    read(offset: number, length: number): Buffer | null {
      const got = inner.read(offset, length);
      source.largest = Math.max(source.largest, got?.length ?? 0);
      return got;
    },
  };
  return source;
}

function useAll(bytes: Uint8Array): void {
  const source = watched(bytes);
  const elf = ElfFile.parse(source);
  if (!elf.ok) {
    expect(elf.error).not.toBe('');
    return;
  }
  expect(buildIdOf(elf.value).length).toBeLessThanOrEqual(128);
  debugLinkOf(elf.value);
  segmentAtOffset(elf.value.segments, 0x1000);
  readMiniDebug(elf.value, () => (packed) => packed);
  const found = [readSymtab(elf.value), readDynsym(elf.value), readGoFunctions(elf.value)];
  for (const columns of found) {
    if (columns === null) continue;
    const table = new SymbolTable(columns);
    for (const address of [0, 0x1000, 0x1139, 2 ** 40, 2 ** 53]) {
      const entry = table.find(address);
      if (entry >= 0) expect(table.startOf(entry)).toBeLessThanOrEqual(address);
      if (entry >= 0) table.nameOf(entry);
    }
  }
  expect(source.largest).toBeLessThanOrEqual(bytes.length);
}

/** A small real file: the vdso-sized loader of the C library would do, `true` is everywhere. */
const original = readFileSync('/usr/bin/true');
const headerEnd = 64 + 56 * original.readUInt16LE(56);
const sectionsAt = Number(original.readBigUInt64LE(40));
const sectionBytes = original.readUInt16LE(60) * 64;

describe('ElfFile', () => {
  it('survives damage to headers, section headers and contents', () => {
    const place = fc.oneof(
      fc.nat(headerEnd - 1),
      fc.nat(sectionBytes - 1).map((at) => sectionsAt + at),
      fc.nat(original.length - 1),
    );
    const value = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff));
    fc.assert(
      fc.property(fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 12 }), (edits) => {
        const bytes = Buffer.from(original);
        for (const [at, byte] of edits) bytes[at] = byte;
        useAll(bytes);
      }),
      { numRuns: 3000 },
    );
  }, 60_000);

  it('survives 64-bit fields of any value', () => {
    const extreme = fc.constantFrom(
      0n,
      1n,
      2n ** 31n,
      2n ** 32n - 1n,
      2n ** 53n,
      2n ** 63n,
      2n ** 64n - 1n,
    );
    const word = fc.oneof(extreme, fc.bigInt({ min: 0n, max: BigInt(original.length) * 2n }));
    const place = fc.oneof(
      fc.nat(Math.floor(headerEnd / 8) - 1).map((at) => at * 8),
      fc.nat(Math.floor(sectionBytes / 8) - 1).map((at) => sectionsAt + at * 8),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(place, word), { minLength: 1, maxLength: 6 }), (edits) => {
        const bytes = Buffer.from(original);
        for (const [at, value] of edits) if (at >= 8) bytes.writeBigUInt64LE(value, at);
        useAll(bytes);
      }),
      { numRuns: 3000 },
    );
  }, 60_000);

  it('survives a file cut anywhere', () => {
    fc.assert(
      fc.property(fc.nat(original.length), (length) => useAll(original.subarray(0, length))),
      { numRuns: 500 },
    );
  }, 60_000);

  it('says what is wrong with files that are none', () => {
    const parse = (bytes: Buffer): unknown => {
      const elf = ElfFile.parse(bufferSource(bytes));
      return elf.ok ? 'ok' : elf.error;
    };
    const bigEndian = Buffer.from(original);
    bigEndian[5] = 2;
    expect([
      parse(Buffer.alloc(0)),
      parse(Buffer.from('#!/bin/sh\n# not a program')),
      parse(bigEndian),
      parse(original.subarray(0, 40)),
    ]).toEqual(['no ELF magic', 'no ELF magic', 'not little endian', 'ELF header cut short']);
  });
});
