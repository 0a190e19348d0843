import { readdirSync, rmSync, statSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { DebugInfo } from '../../../main/symbolize/dwarf/debug-info.ts';
import {
  build,
  codeAddresses,
  differences,
  fixture,
  framesByTool,
  hasTool,
  makeFolder,
  openElf,
} from './dwarf-oracle.ts';

const C = [fixture('calls.c'), fixture('other.c')];
const CXX = [fixture('templates.cpp')];
const RUST = [fixture('shapes.rs')];
const ADDRESSES = 4000;

/**
 * Programs, and who reads them right. binutils 2.40 does not: files of link-time optimized DWARF 5 (wrong
 * file), ranges that clang puts into .debug_rnglists by index (calls missing), calls in C++ of functions
 * without a linkage name (the caller's name instead), 64-bit DWARF (nothing). LLVM 14 does not know .zdebug.
 * Neither finds functions outside the one range that DWARF 2 has for a unit: it is built with one.
 */
const PROGRAMS: readonly (readonly [string, string, ...string[]])[] = [
  ['gcc-dwarf5', 'llvm-symbolizer addr2line', 'gcc', '-O2', '-gdwarf-5', ...C],
  ['gcc-dwarf4', 'llvm-symbolizer addr2line', 'gcc', '-O2', '-gdwarf-4', ...C],
  ['gcc-dwarf3', 'llvm-symbolizer addr2line', 'gcc', '-O2', '-gdwarf-3', '-gstrict-dwarf', ...C],
  [
    'gcc-dwarf2',
    'llvm-symbolizer addr2line',
    'gcc',
    '-O2',
    '-gdwarf-2',
    '-gstrict-dwarf',
    '-fno-reorder-functions',
    ...C,
  ],
  ['gcc-unoptimized', 'llvm-symbolizer addr2line', 'gcc', '-O0', '-g', ...C],
  ['gcc-o3', 'llvm-symbolizer addr2line', 'gcc', '-O3', '-g', '-fno-pie', '-no-pie', ...C],
  ['gcc-lto', 'llvm-symbolizer', 'gcc', '-O2', '-g', '-flto', ...C],
  ['gcc-64-bit-dwarf', 'llvm-symbolizer', 'gcc', '-O2', '-gdwarf-5', '-gdwarf64', ...C],
  ['gcc-compressed', 'llvm-symbolizer addr2line', 'gcc', '-O2', '-g', '-gz', ...C],
  ['gcc-zlib-gnu', 'addr2line', 'gcc', '-O2', '-gdwarf-4', '-gz=zlib-gnu', ...C],
  ['g++-dwarf5', 'llvm-symbolizer', 'g++', '-O2', '-gdwarf-5', ...CXX],
  ['g++-dwarf4', 'llvm-symbolizer', 'g++', '-O2', '-gdwarf-4', ...CXX],
  [
    'g++-sections',
    'llvm-symbolizer',
    'g++',
    '-O2',
    '-g',
    '-ffunction-sections',
    '-Wl,--gc-sections',
    ...CXX,
  ],
  ['g++-type-units', 'llvm-symbolizer', 'g++', '-O2', '-gdwarf-5', '-fdebug-types-section', ...CXX],
  ['clang-dwarf5', 'llvm-symbolizer', 'clang', '-O2', '-gdwarf-5', ...C],
  ['clang++-dwarf5', 'llvm-symbolizer', 'clang++', '-O2', '-gdwarf-5', ...CXX],
  ['clang++-dwarf4', 'llvm-symbolizer addr2line', 'clang++', '-O2', '-gdwarf-4', ...CXX],
  [
    'clang-line-tables',
    'llvm-symbolizer',
    'clang++',
    '-O2',
    '-gdwarf-4',
    '-gline-tables-only',
    ...CXX,
  ],
  ['rust', 'llvm-symbolizer addr2line', 'rustc', '-g', '-O', ...RUST],
];

const folder = makeFolder();
const hasLlvm = hasTool('llvm-symbolizer');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Addresses in calls that were inlined, after all were compared. */
function agree(tool: string, path: string): number {
  const elf = openElf(path);
  const info = DebugInfo.open(elf)!;
  const addresses = codeAddresses(elf, ADDRESSES);
  const ours = addresses.map((address) => info.locate(address));
  const found = differences(ours, framesByTool(tool, path, addresses), addresses);
  expect(found.slice(0, 5), `${found.length} of ${addresses.length} differ`).toEqual([]);
  return ours.filter((place) => place?.inlined.length).length;
}

describe('DebugInfo', () => {
  it.for(PROGRAMS)(
    'agrees with LLVM and binutils about %s',
    { timeout: 120_000 },
    ([name, tools, ...command], { skip }) => {
      const path = build(folder, name, command);
      const present = tools.split(' ').filter(hasTool);
      if (path === null || present.length === 0)
        return skip(`no ${path === null ? command[0]! : tools} that can do it`);
      for (const tool of present) expect(agree(tool, path)).toBeGreaterThan(0);
    },
  );

  it('agrees with LLVM about debug files of this system', ({ skip }) => {
    const paths = systemDebugFiles();
    if (paths.length === 0 || !hasLlvm)
      skip('no llvm-symbolizer, or no debug files below /usr/lib/debug');
    for (const path of paths) agree('llvm-symbolizer', path);
  }, 120_000);
});

function systemDebugFiles(): string[] {
  const root = '/usr/lib/debug/.build-id';
  try {
    return readdirSync(root)
      .flatMap((sub) => readdirSync(`${root}/${sub}`).map((name) => `${root}/${sub}/${name}`))
      .filter((path) => statSync(path).size > 200_000 && statSync(path).size < 20 << 20)
      .slice(0, 6);
  } catch {
    return [];
  }
}
