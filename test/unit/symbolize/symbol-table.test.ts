import { describe, expect, it } from 'vitest';
import { FileSource } from '../../../main/elf/byte-source.ts';
import { ElfFile } from '../../../main/elf/elf-file.ts';
import { buildIdOf } from '../../../main/elf/elf-notes.ts';
import { readDynsym, readSymtab } from '../../../main/symbolize/elf-symbols.ts';
import { type SymbolColumns, SymbolTable } from '../../../main/symbolize/symbol-table.ts';
import {
  buildIdByReadelf,
  namesByOracle,
  type OracleSymbol,
  symbolsByReadelf,
  systemDebugFiles,
  systemImages,
  withoutVersion,
} from './elf-oracle.ts';

/** Lines "START SIZE RANK NAME", hex. Sections end at 1000. */
function tableOf(text: string): SymbolTable {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  let names = '\0';
  const columns: SymbolColumns = {
    start: Float64Array.from(rows, ([start]) => Number.parseInt(start!, 16)),
    size: Float64Array.from(rows, ([, size]) => Number.parseInt(size!, 16)),
    rank: Uint8Array.from(rows, ([, , rank]) => Number(rank)),
    name: Uint32Array.from(rows, ([, , , name]) => {
      names += `${name!}\0`;
      return names.length - name!.length - 1;
    }),
    sectionEnd: new Float64Array(rows.length).fill(0x1000),
    get names() {
      return Buffer.from(names);
    },
  };
  return new SymbolTable(columns);
}

const nameAt = (table: SymbolTable, address: number): string | null => {
  const entry = table.find(address);
  return entry < 0 ? null : table.nameOf(entry);
};

describe('SymbolTable', () => {
  it('never takes the nearest symbol for an address outside its size', () => {
    const table = tableOf(`
      100 10 3 first
      200 10 3 second`);
    expect([0xff, 0x100, 0x10f, 0x110, 0x1ff, 0x20f, 0x210].map((a) => nameAt(table, a))).toEqual([
      null,
      'first',
      'first',
      null,
      null,
      'second',
      null,
    ]);
  });

  it('gives an address to the innermost symbol and returns to the outer after it', () => {
    const table = tableOf(`
      100 100 3 outer
      120 10 3 inner`);
    expect([0x11f, 0x120, 0x12f, 0x130, 0x1ff].map((a) => nameAt(table, a))).toEqual([
      'outer',
      'inner',
      'inner',
      'outer',
      'outer',
    ]);
    expect(table.startOf(table.find(0x130))).toBe(0x100);
  });

  it('lets a symbol without size reach to the next symbol, but not into or out of a sized one', () => {
    const table = tableOf(`
      100 0 1 label
      180 20 3 sized
      190 0 1 label_inside
      f00 0 1 last`);
    expect([0x17f, 0x190, 0x19f, 0x1a0, 0xfff, 0x1000].map((a) => nameAt(table, a))).toEqual([
      'label',
      'sized',
      'sized',
      null,
      'last',
      null,
    ]);
  });

  it('shows the same name of several at one address whatever their order', () => {
    const lines = [
      '100 10 2 _local',
      '100 10 3 __read',
      '100 10 3 read',
      '100 10 3 readlike',
      '100 0 3 label',
    ];
    const names = lines.map((_, turn) =>
      [...lines.slice(turn), ...lines.slice(0, turn)].join('\n'),
    );
    expect(names.map((text) => nameAt(tableOf(text), 0x108))).toEqual(lines.map(() => 'read'));
  });
});

/** Up to `count` addresses that are likely to be answered wrongly, and some at random. */
function addressesOf(symbols: readonly OracleSymbol[], count: number): number[] {
  const addresses: number[] = [];
  let seed = 12345;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % limit;
  };
  for (let i = 0; i < count && symbols.length > 0; i++) {
    const { start, size } = symbols[random(symbols.length)]!;
    const choices = [start, start + size - 1, start + size, start - 1, start + random(size + 64)];
    addresses.push(Math.max(1, choices[i % choices.length]!));
  }
  return addresses;
}

interface Comparison {
  readonly mismatches: string[];
  addresses: number;
  files: number;
}

function compareWithReadelf(path: string, count: number, result: Comparison): void {
  const opened = FileSource.open(path);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  const source = opened.value;
  const elf = ElfFile.parse(source);
  if (!elf.ok) throw new Error(`${path}: ${elf.error}`);
  result.files++;
  if (buildIdOf(elf.value) !== buildIdByReadelf(path)) result.mismatches.push(`${path}: build id`);
  for (const [name, read] of [
    ['.symtab', readSymtab],
    ['.dynsym', readDynsym],
  ] as const) {
    const symbols = symbolsByReadelf(path, name);
    const columns = read(elf.value);
    if ((columns?.start.length ?? 0) !== symbols.length)
      result.mismatches.push(
        `${path} ${name}: ${columns?.start.length ?? 0} of ${symbols.length} symbols`,
      );
    if (columns === null) continue;
    const table = new SymbolTable(columns);
    for (const address of addressesOf(symbols, count)) {
      const found = nameAt(table, address);
      const allowed = namesByOracle(symbols, address);
      result.addresses++;
      if (!allowed.has(found === null ? null : withoutVersion(found)))
        result.mismatches.push(
          `${path}+${address.toString(16)}: ${found ?? 'nothing'}, not ${[...allowed].join('|')}`,
        );
    }
  }
  source[Symbol.dispose]();
}

describe('readSymbols', () => {
  it('agrees with readelf on the programs and libraries of this system', () => {
    const result: Comparison = { mismatches: [], addresses: 0, files: 0 };
    for (const path of systemImages(60)) compareWithReadelf(path, 60, result);
    for (const path of systemDebugFiles(12)) compareWithReadelf(path, 100, result);
    process.stdout.write(`readelf oracle: ${result.files} files, ${result.addresses} addresses\n`);
    expect(result.mismatches).toEqual([]);
    expect(result.files).toBeGreaterThanOrEqual(50);
    expect(result.addresses).toBeGreaterThan(2000);
  }, 120_000);
});
