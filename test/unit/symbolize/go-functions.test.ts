import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bufferSource } from '../../../main/elf/byte-source.ts';
import { ElfFile } from '../../../main/elf/elf-file.ts';
import { readGoFunctions } from '../../../main/symbolize/go-functions.ts';
import { SymbolTable } from '../../../main/symbolize/symbol-table.ts';

const SOURCE = resolve(import.meta.dirname, '../../fixtures/fuzz/go.s');
const parsed = (file: Buffer): ElfFile => {
  const elf = ElfFile.parse(bufferSource(file));
  if (!elf.ok) throw new Error(elf.error);
  return elf.value;
};
const tableOf = (file: Buffer): SymbolTable | null => {
  const columns = readGoFunctions(parsed(file));
  return columns === null ? null : new SymbolTable(columns);
};
function nameAt(table: SymbolTable | null, address: number): string | null {
  const row = table?.find(address) ?? -1;
  return row < 0 ? null : table!.nameOf(row);
}

describe('readGoFunctions', () => {
  let file = Buffer.alloc(0);
  let text = 0;
  let sectionAt = 0;

  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'ember-go-'));
    const output = join(folder, 'go');
    const flags = ['-nostdlib', '-static', '-no-pie', '-Wl,-e,entry'];
    execFileSync('gcc', [...flags, '-o', output, SOURCE], { stdio: 'pipe' });
    file = readFileSync(output);
    rmSync(folder, { recursive: true });
    text = parsed(file).sectionNamed('.text')!.vaddr;
    sectionAt = parsed(file).sectionNamed('.gopclntab')!.offset;
  });

  it('names functions, and nothing between them', () => {
    const table = tableOf(file);
    const offsets = [0, 1, 15, 16, 17, 18, 31, 32];
    expect(offsets.map((offset) => nameAt(table, text + offset))).toEqual([
      ...['main.first', null, null],
      ...['main.(*T).second', 'main.(*T).second', null, null, null],
    ]);
  });

  it('takes the start of the code from the header, where it stood before Go 1.26', () => {
    const older = Buffer.from(file);
    older.writeBigUInt64LE(BigInt(text + 16), sectionAt + 24);
    expect(nameAt(tableOf(older), text + 16)).toBe('main.first');
  });

  it('believes no other version, and no place outside the code', () => {
    for (const [value, at] of [
      [0xfffffffb, 0],
      [0x7fffffff, 8],
      [0x7fffffff, 24],
      [0x7fffffff, 64],
    ] as const) {
      const other = Buffer.from(file);
      other.writeUInt32LE(value, sectionAt + at);
      expect(tableOf(other), `${at}`).toBeNull();
    }
  });

  it('names a real program that was stripped', () => {
    const here = createRequire(import.meta.url);
    const esbuild = join(
      here.resolve('esbuild/package.json'),
      '../../@esbuild/linux-x64/bin/esbuild',
    );
    const columns = readGoFunctions(parsed(readFileSync(esbuild)))!;
    const end = (at: number): number => columns.names.indexOf(0, at);
    const names = Array.from(columns.name, (at) => columns.names.toString('utf8', at, end(at)));
    expect(names).toEqual(
      expect.arrayContaining(['main.main', 'runtime.systemstack', 'runtime.goexit']),
    );
    expect(names.filter((name) => !/^[\w./$%*()[\]{};,· <>|~:&#+=-]+$/u.test(name))).toEqual([]);
  });
});
