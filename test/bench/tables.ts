import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { FileSource } from '../../main/elf/byte-source.ts';
import { ElfFile, PF_X, PT_LOAD } from '../../main/elf/elf-file.ts';
import { buildUnwindTable } from '../../main/unwind/build-table.ts';
import { printTable } from './measure.ts';
import { kernelTableBytes } from './table-bytes.ts';

/** Where a distribution keeps what processes map. */
const FOLDER = '/usr/lib';
/** As many objects as a desktop with everything open maps. */
const MAPPED_OBJECTS = 600;

interface Built {
  readonly path: string;
  /** Bytes of executable segments. */
  readonly textBytes: number;
  readonly rows: number;
  readonly tableBytes: number;
  readonly ms: number;
}

/** What unwind tables cost: time to build, memory in the kernel. Every object of /usr/lib, in order of path. */
export function benchTables(): void {
  const built: Built[] = [];
  for (const path of objectsBelow(FOLDER)) {
    const table = build(path);
    if (table !== null) built.push(table);
  }
  const mapped = built.toSorted((a, b) => b.textBytes - a.textBytes).slice(0, MAPPED_OBJECTS);
  const count = Math.min(MAPPED_OBJECTS, built.length);
  const spread = Array.from(
    { length: count },
    (_, i) => built[Math.floor((i * built.length) / count)]!,
  );
  printTable(`Unwind tables of the objects in ${FOLDER}`, [
    [
      'objects',
      'count',
      'text MB',
      'rows',
      'MiB',
      'MB per MB text (<= 0.2)',
      'ms per MB text (<= 10)',
    ],
    rowOf('every one', built),
    rowOf(`${count} spread evenly over the paths (<= 60 MiB)`, spread),
    rowOf(`the ${MAPPED_OBJECTS} largest`, mapped),
  ]);
  const slowest = built.toSorted((a, b) => b.ms - a.ms).slice(0, 5);
  printTable('Slowest to build', [
    ['object', 'text MB', 'ms'],
    ...slowest.map(({ path, textBytes, ms }) => [
      path,
      (textBytes / 1e6).toFixed(1),
      ms.toFixed(0),
    ]),
  ]);
}

function rowOf(name: string, built: readonly Built[]): string[] {
  const sum = (value: (table: Built) => number): number =>
    built.reduce((total, table) => total + value(table), 0);
  const text = sum(({ textBytes }) => textBytes) / 1e6;
  const bytes = sum(({ tableBytes }) => tableBytes);
  return [
    name,
    String(built.length),
    text.toFixed(0),
    String(sum(({ rows }) => rows)),
    (bytes / 2 ** 20).toFixed(1),
    (bytes / 1e6 / text).toFixed(3),
    (sum(({ ms }) => ms) / text).toFixed(2),
  ];
}

/** null: no ELF file, or one without code or unwind information. */
function build(path: string): Built | null {
  const source = FileSource.open(path);
  if (!source.ok) return null;
  using file = source.value;
  const start = performance.now();
  const elf = ElfFile.parse(file);
  if (!elf.ok) return null;
  const textBytes = elf.value.segments
    .filter(({ type, flags }) => type === PT_LOAD && (flags & PF_X) !== 0)
    .reduce((sum, { fileBytes }) => sum + fileBytes, 0);
  if (textBytes === 0) return null;
  const table = buildUnwindTable(elf.value);
  const ms = performance.now() - start;
  if (!table.ok) return null;
  const rows = table.value.addresses.length;
  return { path, textBytes, rows, tableBytes: kernelTableBytes(table.value), ms };
}

/** Files below a folder, each once. */
function objectsBelow(folder: string): string[] {
  const paths = new Set<string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (/\.so(?:\.|$)|\/(?:bin|libexec|lib)\//.test(path)) paths.add(realpathSync(path));
  }
  return [...paths].sort();
}
