import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { resymbolize } from '../../main/capture/resymbolize.ts';
import { asPid, nanoseconds } from '../../main/shared/units.ts';
import { buildHelper } from '../support/bpf-helper.ts';
import { commandTarget, readWhole, recorded, selfShares, specOf } from '../support/capture.ts';
import { compileProgram, type NativeProgram } from '../support/native-program.ts';

let helper = '';
let folder = '';
let out = '';
let program: NativeProgram;
const started: ChildProcess[] = [];

beforeAll(async () => {
  helper = await buildHelper();
});
beforeEach(() => {
  vi.stubEnv('EMBERSCOPE_TEST', '1');
  vi.stubEnv('EMBERSCOPE_TEST_HELPER', helper);
  folder = mkdtempSync(join(tmpdir(), 'ember-namespaces-'));
  out = join(folder, 'out.ember');
  program = compileProgram(folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a program that runs until killed, and waits until it does. */
async function start(...[command = '', ...args]: readonly string[]): Promise<number> {
  const child = spawn(command, args, { stdio: 'ignore' });
  started.push(child);
  await delay(300);
  expect(child.exitCode).toBeNull();
  return child.pid!;
}

/** Records a running process for a second; share of samples in the function that does the work. */
async function shareOfFold(pid: number, meanwhile?: () => void): Promise<number> {
  const timer = meanwhile === undefined ? undefined : setTimeout(meanwhile, 100);
  const target = { kind: 'process', pid: asPid(pid) } as const;
  const end = await recorded(specOf(target, { duration: nanoseconds(1.5e9), unwind: 'fp' }), out);
  clearTimeout(timer);
  expect(end.error).toBeNull();
  return foldIn(out);
}

async function foldIn(path: string): Promise<number> {
  const { delta } = await readWhole(path);
  return selfShares(delta.tables).get('fold_sheet') ?? 0;
}

describe('a binary that is not where it was', () => {
  it('is named after it was deleted', async () => {
    const pid = await start(program.full);
    rmSync(program.full);
    expect(await shareOfFold(pid)).toBeGreaterThan(0.9);
  });

  it('is named when it is deleted a moment after the recording began', async () => {
    const pid = await start(program.full);
    expect(await shareOfFold(pid, () => rmSync(program.full))).toBeGreaterThan(0.9);
  });

  it('is named after another build took its place, and by no name of that one', async () => {
    const pid = await start(program.full);
    renameSync(compileProgram(folder, 'other').stripped, program.full);
    expect(await shareOfFold(pid)).toBeGreaterThan(0.9);
  });

  it('is not named when its process ended before, and the session says why', async () => {
    const command = `cp ${program.stripped} ${folder}/short && exec timeout 1 ${folder}/short`;
    const target = commandTarget('sh', '-c', command);
    const end = await recorded(specOf(target, { unwind: 'fp' }), out);
    expect(end.error).toBeNull();
    expect(await foldIn(out)).toBe(0);
    renameSync(compileProgram(folder, 'other').full, join(folder, 'short'));
    const outcome = await resymbolize(out, {
      ...{ force: false, debuginfod: null, signal: new AbortController().signal },
      onProgress: () => undefined,
    });
    const problems = outcome.ok ? outcome.value.images.map(({ problem }) => problem) : [];
    expect(problems).toContainEqual({
      ...{ kind: 'replaced', path: join(folder, 'short'), expected: program.buildId },
      found: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
    });
    expect(await foldIn(out)).toBe(0);
  });
});

describe('a process in another mount namespace', () => {
  it('is named by the file it sees, not by ours at the same path', async () => {
    const decoy = compileProgram(folder, 'other');
    const place = join(folder, 'place');
    copyFileSync(decoy.stripped, place);
    const script = `mount --bind ${program.full} ${place} && exec ${place}`;
    const pid = await start('unshare', '-m', 'sh', '-c', script);
    expect(await shareOfFold(pid)).toBeGreaterThan(0.9);
  });

  it('is named when the file is nowhere else, even after the process has ended', async () => {
    const place = join(folder, 'mounted');
    mkdirSync(place);
    const script = `mount -t tmpfs none ${place} && cp ${program.full} ${place}/press && exec timeout 2 ${place}/press`;
    const target = commandTarget('unshare', '-m', 'sh', '-c', script);
    const end = await recorded(specOf(target, { unwind: 'fp' }), out);
    expect(end.error).toBeNull();
    expect(existsSync(join(place, 'press'))).toBe(false);
    expect(await foldIn(out)).toBeGreaterThan(0.8);
  });

  it('is named in a root of its own, libraries elsewhere than here', async () => {
    const root = join(folder, 'root');
    mkdirSync(root);
    copyFileSync(program.full, join(root, 'press'));
    const libraries = execFileSync('ldd', [program.full]).toString().match(/\/\S+/g) ?? [];
    for (const library of libraries) {
      mkdirSync(join(root, dirname(library)), { recursive: true });
      copyFileSync(library, join(root, library));
    }
    const pid = await start('chroot', root, '/press');
    expect(await shareOfFold(pid)).toBeGreaterThan(0.9);
  });
});
