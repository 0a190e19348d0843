import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ImageRef, readBuildId } from '../../../main/symbolize/image-files.ts';
import { KernelSymbols } from '../../../main/symbolize/kernel-symbols.ts';
import { Symbolizer } from '../../../main/symbolize/symbolizer.ts';
import { buildIdByReadelf, symbolsByReadelf } from './elf-oracle.ts';

const C_SOURCE = `
#include <stdio.h>
#include <unistd.h>
static __attribute__((noinline)) int hidden_helper(int x) { return x * 3 + getpid(); }
__attribute__((noinline)) int visible_work(int x) { return hidden_helper(x) + 1; }
__asm__(".text\\n.globl asm_label\\nasm_label:\\n nop\\n nop\\n ret\\n");
int main(int argc, char **argv) { if (argc > 1) { puts("ready"); fflush(stdout); pause(); } return visible_work(argc); }
`;
const CXX_SOURCE = `
#include <string>
#include <vector>
template <typename T> __attribute__((noinline)) T sum(const std::vector<T> &v) { T s = 0; for (auto x : v) s += x; return s; }
namespace app { struct Widget { __attribute__((noinline)) std::string name(int n) const { return std::string(n, 'x'); } }; }
int main(int argc, char **) { std::vector<double> v(argc, 1.5); return (int)sum(v) + (int)app::Widget().name(argc).size(); }
`;

const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;
const toolsMissing = ['gcc', 'g++', 'objcopy', 'readelf'].filter((tool) => !has(tool)).join(', ');
const canBuild32 =
  spawnSync('gcc', ['-m32', '-shared', '-nostdlib', '-x', 'c', '/dev/null', '-o', '/dev/null'])
    .status === 0;
const folder = mkdtempSync(join(tmpdir(), 'symbolize-'));
const at = (name: string): string => join(folder, name);
const tool = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', cwd: folder });

const imageOf = (path: string, more: Partial<ImageRef> = {}): ImageRef => ({
  kind: 'elf',
  path,
  buildId: '',
  fileIdentity: '',
  pids: [],
  ...more,
});

/** Offsets in the file of symbols, by name: the programs here have no gap before their code. */
function offsetsOf(path: string): Map<string, number> {
  const headers = tool('readelf', '-lW', path);
  const loads = [
    ...headers.matchAll(/LOAD\s+0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+)/g),
  ].map(([, offset, vaddr, size]) => [offset, vaddr, size].map((hex) => Number.parseInt(hex!, 16)));
  const offsets = new Map<string, number>();
  for (const symbol of symbolsByReadelf(path, '.symtab')) {
    const load = loads.find(
      ([, vaddr, size]) => symbol.start >= vaddr! && symbol.start < vaddr! + size!,
    );
    if (load !== undefined) offsets.set(symbol.name, symbol.start - load[1]! + load[0]!);
  }
  return offsets;
}

describe.skipIf(toolsMissing !== '')(
  `Symbolizer on programs built here${toolsMissing && ` (missing: ${toolsMissing})`}`,
  () => {
    let symbolizer: Symbolizer;
    const program = at('program');
    let offsets: Map<string, number>;

    beforeAll(() => {
      symbolizer = new Symbolizer({ kernel: new KernelSymbols() });
      writeFileSync(at('program.c'), C_SOURCE);
      writeFileSync(at('program.cc'), CXX_SOURCE);
      tool('gcc', '-O2', '-g', '-Wl,--build-id', 'program.c', '-o', 'program');
      tool('g++', '-O2', '-g', 'program.cc', '-o', 'cxx');
      offsets = offsetsOf(program);
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    /** Names of hidden_helper, visible_work and asm_label, one byte into each. */
    const namesIn = (image: ImageRef): (string | null)[] =>
      symbolizer
        .symbolize(
          image,
          ['hidden_helper', 'visible_work', 'asm_label'].map((name) => offsets.get(name)! + 1),
        )
        // What only says where its function begins is no name.
        .map((found) => (found === null || found.rawName === '' ? null : found.name));
    const ALL = ['hidden_helper', 'visible_work', 'asm_label'];

    it('names static, exported and assembly code, and tells where each begins', () => {
      expect(namesIn(imageOf(program))).toEqual(ALL);
      const [found] = symbolizer.symbolize(imageOf(program), [offsets.get('hidden_helper')! + 5]);
      expect(found).toEqual({
        name: 'hidden_helper',
        rawName: 'hidden_helper',
        startOffset: offsets.get('hidden_helper'),
        source: { file: at('program.c'), line: 4 },
      });
      expect(symbolizer.imageFacts(imageOf(program))).toEqual({
        buildId: buildIdByReadelf(program),
        origin: 'symtab',
        problem: null,
      });
    });

    it('gives no name to headers, to data and beyond the file', () => {
      expect(symbolizer.symbolize(imageOf(program), [0, 16, 1e9, -1, Number.NaN])).toEqual([
        null,
        null,
        null,
        null,
        null,
      ]);
    });

    it('demangles C++ templates and methods', () => {
      const places = offsetsOf(at('cxx'));
      const raw = [...places.keys()].filter((name) => /^_Z.*(sum|Widget)/.test(name));
      const names = symbolizer
        .symbolize(
          imageOf(at('cxx')),
          raw.map((name) => places.get(name)!),
        )
        .map((f) => f?.name);
      expect(names.sort()).toEqual([
        expect.stringMatching(/^app::Widget::name(\[abi:cxx11\])?\(int\) const( \[clone .*\])?$/),
        'double sum<double>(std::vector<double, std::allocator<double> > const&)',
      ]);
    });

    it('names an executable without PIE', () => {
      tool('gcc', '-O2', '-no-pie', 'program.c', '-o', 'fixed');
      const fixed = offsetsOf(at('fixed'));
      const [found] = symbolizer.symbolize(imageOf(at('fixed')), [fixed.get('hidden_helper')!]);
      expect(found?.name).toBe('hidden_helper');
    });

    it('reads symbols though debug sections are compressed', () => {
      tool('gcc', '-O2', '-g', '-gz', 'program.c', '-o', 'packed');
      tool('objcopy', '--compress-debug-sections', 'packed');
      const packed = offsetsOf(at('packed'));
      const [found] = symbolizer.symbolize(imageOf(at('packed')), [packed.get('hidden_helper')!]);
      expect(found?.name).toBe('hidden_helper');
    });

    it('says that a stripped program has only exported names', () => {
      tool('objcopy', '--strip-all', 'program', 'stripped');
      expect(namesIn(imageOf(at('stripped')))).toEqual([null, null, null]);
      expect(symbolizer.imageFacts(imageOf(at('stripped'))).problem?.kind).toBe('no-symbols');
    });

    it('finds a debug file by debug link beside the program and in .debug, if its CRC is right', () => {
      tool('objcopy', '--only-keep-debug', 'program', 'linked.debug');
      tool('objcopy', '--strip-all', '--add-gnu-debuglink=linked.debug', 'program', 'linked');
      const image = imageOf(at('linked'));
      expect([namesIn(image), symbolizer.imageFacts(image).origin]).toEqual([ALL, 'debug-file']);
      mkdirSync(at('.debug'));
      renameSync(at('linked.debug'), at('.debug/linked.debug'));
      symbolizer.forget(image);
      expect(namesIn(image)).toEqual(ALL);
      appendFileSync(at('.debug/linked.debug'), 'x');
      symbolizer.forget(image);
      expect(namesIn(image)).toEqual([null, null, null]);
    });

    it.skipIf(process.getuid?.() !== 0)(
      'finds a debug file by build id (needs root: writes to /usr/lib/debug)',
      () => {
        tool(
          'gcc',
          '-O2',
          '-g',
          '-DUNIQUE',
          '-Wl,--build-id=0xe3be5c09e000000000000000000000000000e3be',
          'program.c',
          '-o',
          'byid',
        );
        const debugFolder = '/usr/lib/debug/.build-id/e3';
        const created = mkdirSync(debugFolder, { recursive: true });
        const debug = `${debugFolder}/be5c09e000000000000000000000000000e3be.debug`;
        tool('objcopy', '--only-keep-debug', 'byid', debug);
        try {
          const places = offsetsOf(at('byid'));
          tool('strip', 'byid');
          const [found] = symbolizer.symbolize(imageOf(at('byid')), [places.get('hidden_helper')!]);
          expect(found?.name).toBe('hidden_helper');
          // objcopy's debug file does not say where code stood in the file: alone it names nothing.
          const buildId = 'e3be5c09e000000000000000000000000000e3be';
          const gone = imageOf(at('no-such-file'), { buildId });
          expect(symbolizer.symbolize(gone, [places.get('hidden_helper')!])).toEqual([null]);
          copyFileSync(program, debug);
          tool('gcc', '-O2', '-g', `-Wl,--build-id=0x${buildId}`, 'program.c', '-o', 'whole');
          copyFileSync(at('whole'), debug);
          symbolizer.forget(gone);
          const [whole] = symbolizer.symbolize(gone, [
            offsetsOf(at('whole')).get('hidden_helper')!,
          ]);
          expect(whole?.name).toBe('hidden_helper');
        } finally {
          rmSync(debug);
          if (created !== undefined) rmSync(created, { recursive: true });
        }
      },
    );

    it.skipIf(!has('xz'))(
      'unpacks .gnu_debugdata (needs xz) and joins it with the exported names',
      () => {
        tool('gcc', '-O2', '-rdynamic', 'program.c', '-o', 'mini');
        const places = offsetsOf(at('mini'));
        tool('objcopy', '--only-keep-debug', 'mini', 'mini.debug');
        tool('objcopy', '-S', '--keep-symbol=hidden_helper', 'mini.debug', 'mini.small');
        tool('xz', '-kf', 'mini.small');
        tool('objcopy', '--strip-all', '--add-section', '.gnu_debugdata=mini.small.xz', 'mini');
        const image = imageOf(at('mini'));
        const found = symbolizer.symbolize(
          image,
          ['hidden_helper', 'visible_work'].map((name) => places.get(name)!),
        );
        expect(found.map((symbol) => symbol?.name)).toEqual(['hidden_helper', 'visible_work']);
        expect(symbolizer.imageFacts(image)).toMatchObject({ origin: 'mini-debug', problem: null });
      },
    );

    it('uses no names of a file that replaced the one that ran', () => {
      const replaced = at('replaced');
      copyFileSync(program, replaced);
      const buildId = buildIdByReadelf(program);
      expect(namesIn(imageOf(replaced, { buildId }))).toEqual(ALL);
      tool('gcc', '-O1', '-DOTHER', 'program.c', '-o', 'replaced');
      const other = imageOf(replaced, { buildId, pids: [process.pid] });
      symbolizer.forget(other);
      expect(namesIn(other)).toEqual([null, null, null]);
      expect(symbolizer.imageFacts(other).problem).toEqual({
        kind: 'replaced',
        path: expect.stringContaining(replaced),
        expected: buildId,
        found: buildIdByReadelf(replaced),
      });
    });

    it('tells files without a build id apart by their inode', () => {
      tool('gcc', '-O2', '-Wl,--build-id=none', 'program.c', '-o', 'anonymous');
      const places = offsetsOf(at('anonymous'));
      const inode = statSync(at('anonymous')).ino;
      const nameWith = (fileIdentity: string): string | undefined =>
        symbolizer.symbolize(imageOf(at('anonymous'), { fileIdentity }), [
          places.get('hidden_helper')!,
        ])[0]?.name;
      expect([nameWith(`fe:1:${inode}`), nameWith(`fe:1:${inode + 1}`)]).toEqual([
        'hidden_helper',
        undefined,
      ]);
    });

    it('reads a deleted program through the process that still runs it', async () => {
      copyFileSync(program, at('doomed'));
      const child = spawn(at('doomed'), ['wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
      try {
        await new Promise((resolve) => child.stdout.once('data', resolve));
        unlinkSync(at('doomed'));
        const buildId = buildIdByReadelf(program);
        const image = imageOf(`${at('doomed')} (deleted)`, { buildId, pids: [child.pid!] });
        expect(namesIn(image)).toEqual(ALL);
        expect(namesIn({ ...image, pids: [] })).toEqual(ALL);
        symbolizer.forget(image);
        expect(namesIn({ ...image, pids: [] })).toEqual([null, null, null]);
      } finally {
        child.kill('SIGKILL');
        await new Promise((resolve) => child.once('exit', resolve));
      }
    });

    it.skipIf(process.getuid?.() !== 0)(
      'reads a deleted library through its mapping (needs root: map_files)',
      async () => {
        writeFileSync(at('lib.c'), 'int lib_work(int x) { return x + 1; }');
        tool('gcc', '-O2', '-shared', '-fPIC', '-Wl,--build-id', 'lib.c', '-o', 'libdoomed.so');
        tool('gcc', '-O2', 'program.c', '-o', 'user', '-Wl,--no-as-needed', './libdoomed.so');
        const place = offsetsOf(at('libdoomed.so')).get('lib_work')!;
        const buildId = buildIdByReadelf(at('libdoomed.so'));
        const child = spawn('./user', ['wait'], {
          cwd: folder,
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        try {
          await new Promise((resolve) => child.stdout.once('data', resolve));
          unlinkSync(at('libdoomed.so'));
          const image = imageOf(at('libdoomed.so'), { buildId, pids: [child.pid!] });
          expect(symbolizer.symbolize(image, [place])[0]?.name).toBe('lib_work');
        } finally {
          child.kill('SIGKILL');
          await new Promise((resolve) => child.once('exit', resolve));
        }
      },
    );

    it.skipIf(!canBuild32)('reads 32-bit programs (needs gcc -m32)', () => {
      writeFileSync(at('lib32.c'), 'int work32(int x) { return x + 1; }');
      tool(
        'gcc',
        '-m32',
        '-O2',
        '-shared',
        '-nostdlib',
        '-fPIC',
        '-Wl,--build-id',
        'lib32.c',
        '-o',
        'lib32.so',
      );
      const place = offsetsOf(at('lib32.so')).get('work32')!;
      const image = imageOf(at('lib32.so'), { buildId: buildIdByReadelf(at('lib32.so')) });
      expect(symbolizer.symbolize(image, [place, place + 500])).toEqual([
        { name: 'work32', rawName: 'work32', startOffset: place },
        null,
      ]);
    });

    it('does not hang on a pipe and says what stands there', () => {
      tool('mkfifo', 'pipe');
      expect(symbolizer.symbolize(imageOf(at('pipe')), [0x1000])).toEqual([null]);
      expect(symbolizer.imageFacts(imageOf(at('pipe'))).problem?.kind).toBe('not-a-file');
      expect(symbolizer.imageFacts(imageOf('/dev/zero')).problem?.kind).toBe('not-a-file');
      expect(symbolizer.imageFacts(imageOf('/etc/passwd')).problem?.kind).toBe('not-elf');
      expect(symbolizer.imageFacts(imageOf(at('nothing'))).problem?.kind).toBe('not-found');
      tool('truncate', '-s', '5G', 'huge');
      expect(symbolizer.imageFacts(imageOf(at('huge'))).problem?.kind).toBe('too-large');
    });

    it('keeps memory within its limit', () => {
      const small = new Symbolizer({ kernel: new KernelSymbols(), cacheBytes: 60_000 });
      for (let i = 0; i < 10; i++) {
        copyFileSync(program, at(`copy${i}`));
        small.symbolize(imageOf(at(`copy${i}`)), [offsets.get('main')!]);
      }
      expect(small.keptBytes).toBeLessThanOrEqual(60_000);
      small[Symbol.dispose]();
      expect(small.keptBytes).toBe(0);
    });

    it('reads build ids, with and without section headers', () => {
      const expected = buildIdByReadelf(program);
      expect(readBuildId(program)).toEqual({ ok: true, value: expected });
      const bytes = readFileSync(program);
      bytes.writeBigUInt64LE(0n, 40);
      writeFileSync(at('headless'), bytes);
      expect(readBuildId(at('headless'))).toEqual({ ok: true, value: expected });
      expect(readBuildId(at('anonymous'))).toEqual({ ok: true, value: '' });
      expect(readBuildId(at('nothing'))).toMatchObject({ ok: false, error: { kind: 'not-found' } });
    });
  },
);
