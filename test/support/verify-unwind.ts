// Compares unwind tables with readelf for every ELF file below some folders, and prints what it costs.
//
//   verify-unwind [--every=N] [--no-readelf] [folder…]     N: one file in N
//
// Run it with (slow for the whole machine: use nice):
//
//   npx esbuild test/support/verify-unwind.ts --bundle --platform=node --target=node20 --format=esm \
//     --outfile=dist/bench/verify-unwind.mjs
//   node dist/bench/verify-unwind.mjs

import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileSource } from '../../main/elf/byte-source.ts';
import { ElfFile, PF_X, PT_LOAD } from '../../main/elf/elf-file.ts';
import { buildUnwindTableCounted, type UnwindBuild } from '../../main/unwind/build-table.ts';
import type { UnwindCounts } from '../../main/unwind/function-list.ts';
import { compareWithReadelf } from './readelf-frames.ts';

const sums = {
  ...{ objects: 0, withoutTable: 0, fdes: 0, comparedRows: 0, skippedFdes: 0 },
  ...{ unsupportedRows: 0, wrongRows: 0, objectsWithWrongRows: 0, objectsReadOtherwise: 0 },
  ...{ textBytes: 0, buildMs: 0, tableRows: 0, mostRules: 0 },
};
const counted: Record<string, number> = {};

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

function addCounts(counts: UnwindCounts): void {
  for (const [name, value] of Object.entries(counts) as [string, number][]) {
    counted[name] = (counted[name] ?? 0) + value;
  }
}

/** Builds the table of one file and adds its figures; null: no ELF file, or one without a table. */
function build(path: string): UnwindBuild | null {
  const opened = FileSource.open(path);
  if (!opened.ok) return null;
  using source = opened.value;
  const before = performance.now();
  const elf = ElfFile.parse(source);
  if (!elf.ok || (elf.value.type !== 2 && elf.value.type !== 3)) return null;
  const built = buildUnwindTableCounted(elf.value);
  const ms = performance.now() - before;
  if (!built.ok) {
    sums.withoutTable++;
    return null;
  }
  sums.objects++;
  sums.buildMs += ms;
  sums.tableRows += built.value.table.addresses.length;
  sums.mostRules = Math.max(sums.mostRules, built.value.table.rules.length);
  addCounts(built.value.counts);
  for (const { type, flags, fileBytes } of elf.value.segments) {
    if (type === PT_LOAD && (flags & PF_X) !== 0) sums.textBytes += fileBytes;
  }
  return built.value;
}

async function verify(path: string, withReadelf: boolean): Promise<void> {
  const built = build(path);
  if (built === null || !withReadelf) return;
  const found = await compareWithReadelf(path, built.table);
  sums.fdes += found.fdes;
  sums.comparedRows += found.rows;
  sums.skippedFdes += found.skipped;
  sums.unsupportedRows += found.unsupported;
  sums.wrongRows += found.wrong;
  if (found.fdes !== built.counts.fdes - built.counts.empty) {
    sums.objectsReadOtherwise++;
    process.stdout.write(`${path}: readelf reads ${String(found.fdes)} functions\n`);
  }
  if (found.unsupported > 0) {
    process.stdout.write(`${path}: ${String(found.unsupported)} unsupported\n`);
  }
  if (found.wrong === 0) return;
  sums.objectsWithWrongRows++;
  process.stdout.write(`${path}: ${String(found.wrong)} wrong\n  ${found.examples.join('\n  ')}\n`);
}

const options = process.argv.slice(2);
const every = Number(options.find((o) => o.startsWith('--every='))?.slice(8) ?? '1');
const withReadelf = !options.includes('--no-readelf');
const named = options.filter((option) => !option.startsWith('--'));
let seen = 0;
for (const folder of named.length > 0 ? named : ['/usr/lib', '/usr/bin', '/usr/sbin']) {
  const paths = lstatSync(folder).isDirectory() ? filesBelow(folder) : [folder];
  for (const path of paths) {
    if (seen++ % every === 0) await verify(path, withReadelf);
  }
}
const megabytes = sums.textBytes / 1e6;
const figures = {
  ...sums,
  ...counted,
  textMegabytes: megabytes,
  buildMsPerMegabyte: sums.buildMs / megabytes,
  kernelBytesPerTextByte: (sums.tableRows * 4) / sums.textBytes,
};
process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
