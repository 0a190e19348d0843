import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bufferSource } from '../../main/elf/byte-source.ts';
import { ElfFile } from '../../main/elf/elf-file.ts';
import type { Seed } from './mutate.ts';

/** Ways to compile the seed programs; each one brings forms that the others do not have. */
const BUILDS: readonly (readonly string[])[] = [
  ['g++', '-O2', '-gdwarf-5', 'seed.cpp'],
  ['g++', '-O2', '-gdwarf-4', '-fno-pie', '-static', 'seed.cpp'],
  ['g++', '-O0', '-gdwarf-4', '-fno-omit-frame-pointer', 'seed.cpp'],
  // Without .eh_frame the debugger gets .debug_frame.
  [
    'g++',
    '-Os',
    '-gdwarf-5',
    ...['-fno-asynchronous-unwind-tables', '-fno-unwind-tables'],
    'seed.cpp',
  ],
  ['clang++', '-O2', '-gdwarf-5', 'seed.cpp'],
  ['gcc', 'frames.s'],
  ['gcc', '-static', '-no-pie', 'go.s'],
];
const ALL = ['-nostdlib', '-Wl,--build-id=sha1'];
const SHARED = ['-shared', '-fPIC', '-fno-exceptions'];
const STATIC = ['-fno-exceptions', '-Wl,-e,entry', '-Wl,--unresolved-symbols=ignore-all'];

/** Small ELF files with symbols, unwind information and DWARF, and one as the distribution ships it. */
export function elfSeeds(fixtures: string): readonly Seed[] {
  const folder = mkdtempSync(join(tmpdir(), 'emberscope-fuzz-'));
  try {
    const compiled = BUILDS.map(([compiler = '', ...flags], index): Seed => {
      const output = join(folder, `seed-${index}.so`);
      const form = flags.includes('-static') ? STATIC : SHARED;
      const all = [...ALL, ...form, ...flags, '-o', output];
      execFileSync(compiler, all, { stdio: 'pipe', cwd: fixtures });
      return { name: [compiler, ...flags].join(' '), bytes: readFileSync(output), hot: [] };
    });
    return [...compiled, { name: 'true', bytes: readFileSync('/usr/bin/true'), hot: [] }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The seeds with damage aimed at their headers and at the sections whose name matches. */
export function aimedAt(
  seeds: readonly Seed[],
  pattern: RegExp,
  headers: boolean,
): readonly Seed[] {
  return seeds.map((seed) => {
    const elf = ElfFile.parse(bufferSource(seed.bytes));
    if (!elf.ok) throw new Error(`${seed.name}: ${elf.error}`);
    const hot = elf.value.sections
      .filter(({ name, bytes }) => pattern.test(name) && bytes > 0)
      .map(({ offset, bytes }): [number, number] => [offset, offset + bytes]);
    return { ...seed, hot: headers ? [...hot, ...headerRanges(seed.bytes)] : hot };
  });
}

/** ELF header with program headers, and section headers. */
function headerRanges(bytes: Buffer): [number, number][] {
  const is64 = bytes[4] === 2;
  const sections = is64 ? Number(bytes.readBigUInt64LE(40)) : bytes.readUInt32LE(32);
  return [
    [0, is64 ? 64 + 56 * bytes.readUInt16LE(56) : 52 + 32 * bytes.readUInt16LE(44)],
    [sections, bytes.length],
  ];
}

/** Perf maps as runtimes write them. */
export const perfMapSeeds = (): readonly Seed[] => [
  {
    name: 'node',
    bytes: Buffer.from(
      [
        '7f3a40001000 180 LazyCompile:~compare file:///srv/app/index.js:12:9',
        '7f3a40001180 2c0 Function:*turn /srv/app/index.js:40',
        '7f3a40001440 20 Builtin:CEntry_Return1_ArgvOnStack_NoBuiltinExit',
        '7f3a40001000 200 LazyCompile:*compare file:///srv/app/index.js:12:9',
        '',
      ].join('\n'),
    ),
    hot: [],
    isText: true,
  },
  {
    name: 'java',
    bytes: Buffer.from(
      '0x00007f3a50001000 0x0000000000000180 void java.lang.Object.<init>()\n0x00007f3a50001200 0x40 Interpreter\n',
    ),
    hot: [],
    isText: true,
  },
  {
    name: 'python',
    bytes: Buffer.from(
      '7f3a60001000 b py::main:/srv/app.py\n7f3a6000100b b py::key_of:/srv/app.py\n',
    ),
    hot: [],
    isText: true,
  },
];

/** Names as rustc mangles them (RFC 2603 and before): impls, closures, generics, constants, punycode. */
export const rustNameSeeds = (): readonly Seed[] =>
  [
    '_RNvCs1234_7mycrate3foo',
    '_RNvMs_NtCs4fqI2P2rA04_13const_genericINtB2_8UnsignedKhb_E1f',
    '_RINvNtC3std3mem8align_ofNtNtC3std3mem12DiscriminantE',
    '_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_',
    '_RNvXINtC5alloc3VecjENtNtC4core3ops5Deref5deref',
    '_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y',
    '_RYFG_FGyG0_EvEvEvNtB5_3FooC7mycrate',
    '_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE.llvm.123',
    '_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE',
  ].map((name) => ({ name, bytes: Buffer.from(name), hot: [] }));
