import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CodeMapping, readCode } from '../../../../main/helper/unwind/process-code.ts';

const SOURCE = resolve(import.meta.dirname, '../../../fixtures/bpf/code_mappings.c');
let folder = '';
let child: ChildProcess | null = null;
let map = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ember-code-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  child = null;
  rmSync(folder, { recursive: true, force: true });
  if (map !== '') rmSync(map, { force: true });
  map = '';
});

/** The code of a program of that name; `withMap`: it has written a perf map. */
async function codeOf(name: string, withMap: boolean): Promise<readonly CodeMapping[]> {
  const program = join(folder, name);
  execFileSync('cc', ['-o', program, SOURCE]);
  child = spawn(program, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  if (withMap) {
    map = `/tmp/perf-${child.pid!}.map`;
    writeFileSync(map, '');
  }
  const code = readCode(child.pid!);
  if (typeof code === 'string') throw new Error(code);
  return code;
}

const kindOf = (code: readonly CodeMapping[], path: RegExp): string[] =>
  code.filter((mapping) => path.test(mapping.path)).map(({ kind }) => kind);

describe('readCode', () => {
  it('tells files and the vdso from code that was made at run time', async () => {
    const code = await codeOf('program', false);
    expect(kindOf(code, /\/program$/)).toEqual(['image']);
    expect(kindOf(code, /\/libc\.so/)).toEqual(['image']);
    expect(kindOf(code, /^\[vdso\]$/)).toEqual(['image']);
    expect(kindOf(code, /^\/\/anon$/)).toEqual(['jit']);
    expect(kindOf(code, /^\/memfd:jit/)).toEqual(['jit']);
  });

  it('is in order of address, as the programs search it', async () => {
    const starts = (await codeOf('program', false)).map(({ start }) => BigInt(`0x${start}`));
    expect(starts.length).toBeGreaterThan(4);
    expect(starts).toEqual([...starts].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('finds the trampolines of a Python that writes a perf map', async () => {
    expect(kindOf(await codeOf('python3.12', true), /^\/\/anon$/)).toEqual(['trampoline']);
  });

  it.each([
    ['python3.12', false],
    ['python3.11', true],
    ['program', true],
  ])('finds no trampolines in %s, perf map: %s', async (name, withMap) => {
    expect(kindOf(await codeOf(name, withMap), /^\/\/anon$/)).toEqual(['jit']);
  });

  it('says that a process is gone', () => {
    // Above the largest process id there is: PID_MAX_LIMIT.
    expect(readCode(2 ** 22 + 1)).toBe('ENOENT');
  });
});
