import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { PF_X, PT_LOAD } from '../../../main/elf/elf-file.ts';
import type { ImageRef } from '../../../main/symbolize/image-files.ts';
import { KernelSymbols } from '../../../main/symbolize/kernel-symbols.ts';
import { type FoundSymbol, Symbolizer } from '../../../main/symbolize/symbolizer.ts';
import { UnpackAhead } from '../../../main/symbolize/unpack-ahead.ts';
import {
  build,
  codeAddresses,
  fixture,
  framesByTool,
  hasTool,
  makeFolder,
  openElf,
} from './dwarf-oracle.ts';

const C = [fixture('calls.c'), fixture('other.c')];
const folder = makeFolder();
const missing = ['gcc', 'objcopy', 'addr2line'].filter((tool) => !hasTool(tool)).join(', ');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const imageOf = (path: string): ImageRef => ({
  kind: 'elf',
  path,
  buildId: '',
  fileIdentity: '',
  pids: [],
});

const newSymbolizer = (cacheBytes?: number): Symbolizer =>
  new Symbolizer({ kernel: new KernelSymbols(), ...(cacheBytes && { cacheBytes }) });

function built(name: string, ...command: string[]): string {
  const path = build(folder, name, command);
  if (path === null) throw new Error(`cannot build ${name}`);
  return path;
}

/** Virtual addresses as offsets in the file. */
function offsetsOf(path: string, addresses: readonly number[]): number[] {
  const code = openElf(path).segments.find((s) => s.type === PT_LOAD && (s.flags & PF_X) !== 0)!;
  return addresses.map((address) => address - code.vaddr + code.offset);
}

/** "owner calls.c:30 > moved calls.c:18": outermost first. */
function chain(found: FoundSymbol | null): string {
  // Where a function without a name begins, in the linkage table for one, has no place in a source.
  if (found === null || found.rawName === '') return '';
  const text = (name: string, source: FoundSymbol['source'] | null): string =>
    `${name} ${source ? `${source.file.replace(/.*\//, '')}:${source.line}` : '?'}`;
  const calls = found.inlined ?? [];
  return [text(found.name, found.source), ...calls.map((c) => text(c.name, c.source))].join(' > ');
}

function chainsByTool(path: string, addresses: readonly number[]): string[] {
  return framesByTool('addr2line', path, addresses).map((frames) =>
    frames.reduceRight((text, { name, place }) => {
      const frame = `${name} ${place}`;
      return text === '' ? frame : `${text} > ${frame}`;
    }, ''),
  );
}

describe.skipIf(missing !== '')(`Symbolizer${missing && ` (missing: ${missing})`}`, () => {
  it('unpacks large compressed sections beside, and says so until it has', async () => {
    const path = built('packed', 'gcc', '-O2', '-gdwarf-5', '-gz=zlib', ...C);
    const offsets = offsetsOf(path, codeAddresses(openElf(path), 200));
    const image = imageOf(path);
    const whole = newSymbolizer().symbolize(image, offsets);
    expect(whole.some((found) => found?.source !== undefined)).toBe(true);
    using ahead = new Symbolizer({ kernel: new KernelSymbols(), ahead: new UnpackAhead(1) });
    const first = ahead.symbolize(image, offsets);
    expect(ahead.isPending(image)).toBe(true);
    expect(first.some((found) => found?.source !== undefined)).toBe(false);
    expect(first.map((found) => found?.name)).toEqual(whole.map((found) => found?.name));
    await vi.waitFor(() => {
      expect(ahead.symbolize(image, offsets)).toEqual(whole);
      expect(ahead.isPending(image)).toBe(false);
    });
  });

  it('gives each function of the chain its place, the owner by its symbol', () => {
    const path = built('chain', 'gcc', '-O2', '-gdwarf-4', ...C);
    const addresses = codeAddresses(openElf(path), 2000);
    const ours = newSymbolizer().symbolize(imageOf(path), offsetsOf(path, addresses)).map(chain);
    const theirs = chainsByTool(path, addresses);
    // addr2line names a clone after its function, and names what stands in no symbol.
    const wrong = ours.filter(
      (text, k) =>
        text !== '' &&
        text.replace(/^(\w+)\.[.\w]+/, '$1') !== theirs[k]!.replace(/^(\w+)\.[.\w]+/, '$1'),
    );
    expect(wrong).toEqual([]);
    expect(
      ours.filter((text) => text.startsWith('walk calls.c:') && text.includes(' > ')),
    ).not.toEqual([]);
    expect(ours.filter((text) => text.startsWith('walk.cold calls.c:'))).not.toEqual([]);
  });

  it('finds lines in a separate debug file', () => {
    const path = built('separate', 'gcc', '-O2', '-g', ...C);
    const offsets = offsetsOf(path, codeAddresses(openElf(path), 500));
    const whole = newSymbolizer().symbolize(imageOf(path), offsets).map(chain);
    const run = (...args: string[]): unknown => execFileSync('objcopy', args, { cwd: folder });
    run('--only-keep-debug', '--compress-debug-sections', 'separate', 'separate.debug');
    run('--strip-all', '--add-gnu-debuglink=separate.debug', 'separate', 'stripped');
    const split = newSymbolizer()
      .symbolize(imageOf(join(folder, 'stripped')), offsets)
      .map(chain);
    expect(split).toEqual(whole);
    unlinkSync(join(folder, 'separate.debug'));
    const without = newSymbolizer().symbolize(imageOf(join(folder, 'stripped')), offsets);
    expect(without.filter((found) => found?.source !== undefined)).toEqual([]);
  });

  it.for([
    ['gcc', '-gdwarf-4'],
    ['gcc', '-gdwarf-5'],
    ['clang', '-gdwarf-4'],
    ['clang', '-gdwarf-5'],
  ] as const)('reads split debug information of %s %s', ([compiler, version], { skip }) => {
    if (!hasTool(compiler)) skip(`no ${compiler}`);
    const objects = ['calls', 'other'].map((name) => {
      const flags = ['-O2', version, '-gsplit-dwarf', '-c', fixture(`${name}.c`)];
      return built(`${compiler}${version}-${name}.o`, compiler, ...flags);
    });
    const path = built(`${compiler}${version}`, compiler, ...objects);
    const offsets = offsetsOf(path, codeAddresses(openElf(path), 500));
    const found = newSymbolizer().symbolize(imageOf(path), offsets).map(chain);
    expect(
      found.filter((text) =>
        /^walk calls.c:\d+ > moved calls.c:\d+ > clamp calls.c:\d+$/.test(text),
      ),
    ).not.toEqual([]);
    expect(
      found.filter((text) =>
        /^other_file other.c:\d+ > step other.c:\d+ > mix shared.h:\d+/.test(text),
      ),
    ).not.toEqual([]);
    // Without them, and with files of another build, lines are left.
    const dwo = readdirSync(folder).filter(
      (name) => name.startsWith(`${compiler}${version}-`) && name.endsWith('.dwo'),
    );
    expect(dwo.length).toBe(2);
    copyFileSync(join(folder, dwo[0]!), join(folder, dwo[1]!));
    unlinkSync(join(folder, dwo[0]!));
    const left = newSymbolizer().symbolize(imageOf(path), offsets);
    expect(left.filter((symbol) => symbol?.inlined !== undefined)).toEqual([]);
    expect(left.filter((symbol) => symbol?.source !== undefined).length).toBeGreaterThan(100);
  });

  it('finds functions outside the one range that DWARF 2 has for a unit', () => {
    const path = built('dwarf2', 'gcc', '-O2', '-gdwarf-2', '-gstrict-dwarf', ...C);
    const offsets = offsetsOf(path, codeAddresses(openElf(path), 2000));
    const found = newSymbolizer().symbolize(imageOf(path), offsets).map(chain);
    expect(found.filter((text) => /^fail\.\S+ calls.c:2[2-5]$/.test(text))).not.toEqual([]);
  });

  it('names functions without a linkage name with what they stand in', ({ skip }) => {
    const path = build(folder, 'cxx', ['g++', '-O2', '-g', fixture('templates.cpp')]);
    if (path === null) return skip('no g++');
    const offsets = offsetsOf(path, codeAddresses(openElf(path), 20_000));
    const names = new Set(
      newSymbolizer()
        .symbolize(imageOf(path), offsets)
        .flatMap((found) => (found?.inlined ?? []).map(({ name }) => name)),
    );
    expect([...names]).toEqual(
      expect.arrayContaining([
        'app::(anonymous namespace)::Hidden::twice',
        'main::Local::add',
        'main::{lambda}::operator()',
      ]),
    );
  });

  it('lets lines go with their image, file and all', () => {
    const paths = ['a', 'b', 'c'].map((name) => built(`kept-${name}`, 'gcc', '-O2', '-g', ...C));
    const openFiles = (): string[] =>
      readdirSync('/proc/self/fd').flatMap((descriptor) => {
        try {
          const target = readlinkSync(`/proc/self/fd/${descriptor}`);
          return target.includes('/kept-') ? [target] : [];
        } catch {
          // The descriptor of the listing itself.
          return [];
        }
      });
    const symbolizer = newSymbolizer(1);
    for (const path of paths) {
      const offsets = offsetsOf(path, codeAddresses(openElf(path), 100));
      // openElf() above keeps files open, of which we are not the owner.
      const before = openFiles().length;
      expect(symbolizer.symbolize(imageOf(path), offsets).some((f) => f?.source)).toBe(true);
      expect(openFiles().length - before).toBe(path === paths[0] ? 1 : 0);
      expect(symbolizer.keptBytes).toBeGreaterThan(4096);
    }
    symbolizer[Symbol.dispose]();
    expect(symbolizer.keptBytes).toBe(0);
  });

  it('reads what dwz moved to a file of its own', () => {
    writeFileSync(join(folder, 'alt.s'), ALT);
    writeFileSync(join(folder, 'user.s'), USER);
    built(
      'shared.alt',
      'gcc',
      '-shared',
      '-nostdlib',
      '-Wl,--build-id=0x0123456789abcdef',
      'alt.s',
    );
    const path = built('user', 'gcc', '-nostdlib', '-static', 'user.s');
    const code = openElf(path).sectionNamed('.text')!;
    const shown = (): string =>
      chain(newSymbolizer().symbolize(imageOf(path), [code.offset + 2])[0] ?? null);
    expect(shown()).toBe('_start ? > shared_helper ?');
    unlinkSync(join(folder, 'shared.alt'));
    expect(shown()).toBe('_start ? > (unnamed) ?');
  });
});

/** A partial unit with one subprogram, "shared_helper", at offset 0xc of .debug_info; its name in .debug_str. */
const ALT = `
  .section .debug_info,"",@progbits
  .long 2f - 1f
1: .value 4
  .long 0
  .byte 8
  .uleb128 1
  .uleb128 2
  .long 6
  .uleb128 0
2:
  .section .debug_abbrev,"",@progbits
  .uleb128 1, 0x3c
  .byte 1, 0, 0
  .uleb128 2, 0x2e
  .byte 0
  .uleb128 3, 0xe
  .byte 0, 0, 0
  .section .debug_str,"MS",@progbits,1
  .string "other"
  .string "shared_helper"
`;

/** _start, with one inlined call whose origin is DW_FORM_GNU_ref_alt of the entry in ALT. */
const USER = `
  .globl _start
  .type _start, @function
_start:
  nop
begin: nop
  nop
finish: ret
  .size _start, . - _start
  .section .gnu_debugaltlink,"",@progbits
  .string "shared.alt"
  .byte 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef
  .section .debug_info,"",@progbits
  .long 2f - 1f
1: .value 4
  .long 0
  .byte 8
  .uleb128 1
  .quad _start
  .quad 4
  .uleb128 2
  .quad _start
  .quad 4
  .uleb128 3
  .long 0xc
  .quad begin
  .quad finish - begin
  .uleb128 0, 0
2:
  .section .debug_abbrev,"",@progbits
  .uleb128 1, 0x11
  .byte 1
  .uleb128 0x11, 1, 0x12, 7
  .byte 0, 0
  .uleb128 2, 0x2e
  .byte 1
  .uleb128 0x11, 1, 0x12, 7
  .byte 0, 0
  .uleb128 3, 0x1d
  .byte 0
  .uleb128 0x31, 0x1f20, 0x11, 1, 0x12, 7
  .byte 0, 0, 0
`;
