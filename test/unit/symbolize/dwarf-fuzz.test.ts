import { readFileSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type ByteSource, bufferSource } from '../../../main/elf/byte-source.ts';
import { ElfFile } from '../../../main/elf/elf-file.ts';
import { DebugInfo } from '../../../main/symbolize/dwarf/debug-info.ts';
import { build, codeAddresses, fixture, makeFolder } from './dwarf-oracle.ts';

const C = [fixture('calls.c'), fixture('other.c')];
const PROGRAMS: readonly (readonly [string, ...string[]])[] = [
  ['gcc-dwarf5', 'gcc', '-O2', '-gdwarf-5', ...C],
  ['gcc-dwarf4', 'gcc', '-O2', '-gdwarf-4', ...C],
  ['clang-dwarf5', 'clang', '-O2', '-gdwarf-5', ...C],
  ['gcc-compressed', 'gcc', '-O2', '-g', '-gz', ...C],
];
const folder = makeFolder();

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Nothing larger than the file may be read. */
function watched(bytes: Uint8Array): ByteSource {
  const inner = bufferSource(bytes);
  return {
    size: inner.size,
    read(offset, length) {
      const got = inner.read(offset, length);
      expect(got?.length ?? 0).toBeLessThanOrEqual(bytes.length);
      return got;
    },
  };
}

/** Asks for addresses of a damaged file; counts those that were answered. */
function answers(bytes: Buffer, addresses: readonly number[]): number {
  const elf = ElfFile.parse(watched(bytes));
  const info = elf.ok ? DebugInfo.open(elf.value) : null;
  let found = 0;
  for (const address of addresses) {
    const place = info?.locate(address) ?? null;
    if (place === null) continue;
    found++;
    expect(place.inlined.length).toBeLessThanOrEqual(255);
    for (const { source } of [place, ...place.inlined]) {
      if (source === null) continue;
      expect(source.file).not.toBe('');
      expect(Number.isInteger(source.line) && source.line > 0).toBe(true);
    }
  }
  if (info !== null) expect(Number.isFinite(info.keptBytes)).toBe(true);
  return found;
}

describe('DebugInfo', () => {
  it.for(PROGRAMS)(
    'survives damage to the debug sections of %s',
    { timeout: 120_000 },
    ([name, ...command], { skip }) => {
      const path = build(folder, name, command);
      if (path === null) return skip(`no ${command[0]!}`);
      const original = readFileSync(path);
      const elf = ElfFile.parse(bufferSource(original));
      if (!elf.ok) throw new Error(elf.error);
      const addresses = codeAddresses(elf.value, 60);
      expect(answers(original, addresses)).toBeGreaterThan(20);
      const place = fc.oneof(
        ...elf.value.sections
          .filter((section) => section.name.includes('debug_') && section.bytes > 0)
          .map(({ offset, bytes }) => fc.nat(bytes - 1).map((at) => offset + at)),
      );
      const value = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff));
      const edits = fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 12 });
      fc.assert(
        fc.property(edits, (damage) => {
          const bytes = Buffer.from(original);
          for (const [at, byte] of damage) bytes[at] = byte;
          answers(bytes, addresses);
        }),
        { numRuns: 1200 },
      );
      fc.assert(
        fc.property(fc.nat(original.length), (length) => {
          answers(original.subarray(0, length), addresses);
        }),
        { numRuns: 100 },
      );
    },
  );
});
