import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bufferSource, FileSource } from '../../../main/elf/byte-source.ts';
import { ElfFile } from '../../../main/elf/elf-file.ts';
import { buildUnwindTable } from '../../../main/unwind/build-table.ts';
import { CFA_KINDS, RA_KINDS, type UnwindTable } from '../../../main/unwind/unwind-table.ts';
import { compareWithReadelf } from '../../support/readelf-frames.ts';

const LIBRARIES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/lib64', '/lib'];
/** Compilers and hand-written assembly of all kinds: C, C++, perl's and python's loops, cryptography. */
const NAMES = [
  'libc.so.6',
  'ld-linux-x86-64.so.2',
  'libcrypto.so.3',
  'libstdc++.so.6',
  'libgcc_s.so.1',
  'libm.so.6',
  'libz.so.1',
  'liblzma.so.5',
  'libsqlite3.so.0',
];
const PROGRAMS = ['bash', 'python3', 'perl', 'readelf', 'git', 'env', 'tar'];

const libraries = NAMES.flatMap((name) =>
  LIBRARIES.map((folder) => `${folder}/${name}`)
    .filter(existsSync)
    .slice(0, 1),
);
const programs = PROGRAMS.map((name) => `/usr/bin/${name}`).filter(existsSync);

function tableOf(path: string): UnwindTable {
  const opened = FileSource.open(path);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  using source = opened.value;
  const elf = ElfFile.parse(source);
  if (!elf.ok) throw new Error(elf.error);
  const table = buildUnwindTable(elf.value);
  if (!table.ok) throw new Error(JSON.stringify(table.error));
  return table.value;
}

describe('buildUnwindTable, beside readelf', () => {
  it('has files to be compared', () => {
    expect(libraries.length).toBeGreaterThanOrEqual(4);
    expect(programs.length).toBeGreaterThanOrEqual(3);
  });

  it.each([...libraries, ...programs])('says the same of %s', async (path) => {
    const { fdes, rows, wrong, unsupported, examples } = await compareWithReadelf(
      path,
      tableOf(path),
    );
    expect({ wrong, examples }).toEqual({ wrong: 0, examples: [] });
    expect(fdes).toBeGreaterThan(0);
    expect(rows).toBeGreaterThanOrEqual(fdes);
    // A handful of hand-written functions each: 0.3 % of the smallest, libgcc_s.
    expect(unsupported / rows).toBeLessThan(0.005);
  });

  it('would be found out if a single rule were off by one', async () => {
    const table = tableOf(libraries[0]!);
    const usual = table.rules.findIndex(({ cfaOffset }) => cfaOffset === 32);
    const rules = table.rules.map((rule, index) =>
      index === usual ? { ...rule, raOffset: rule.raOffset + 1 } : rule,
    );
    const found = await compareWithReadelf(libraries[0]!, { ...table, rules });
    expect(found.wrong).toBeGreaterThan(0);
    expect(found.examples[0]).toContain('ra=c-8');
  });

  it('reads the same table without section headers', () => {
    const opened = FileSource.open(libraries[0]!);
    if (!opened.ok) throw new Error(opened.error.kind);
    using source = opened.value;
    const bytes = source.read(0, source.size)!;
    const whole = tableOf(libraries[0]!);
    bytes.fill(0, 40, 48);
    const elf = ElfFile.parse(bufferSource(bytes));
    if (!elf.ok) throw new Error(elf.error);
    expect(elf.value.sections).toEqual([]);
    expect(buildUnwindTable(elf.value)).toEqual({ ok: true, value: whole });
  });

  it("knows libc's signal frame, the end of a thread, and stubs for lazy binding", () => {
    const rules = tableOf(libraries[0]!).rules;
    expect(rules.filter(({ cfaKind }) => cfaKind === CFA_KINDS.signal)).toHaveLength(1);
    expect(rules.some(({ raKind }) => raKind === RA_KINDS.end)).toBe(true);
    expect(rules.filter(({ cfaKind }) => cfaKind === CFA_KINDS.plt).length).toBeGreaterThan(0);
  });
});
