import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { hertz } from '../../main/shared/units.ts';
import { buildHelper } from '../support/bpf-helper.ts';
import { commandTarget, recorded, specOf } from '../support/capture.ts';
import { readTables } from '../support/read-tables.ts';
import { type UserStack, userStacksOf } from '../support/user-stacks.ts';

const FIXTURES = resolve(import.meta.dirname, '../fixtures/transient');
const OUTPUT = resolve(import.meta.dirname, '../../.cache/test-transient');
const program = join(OUTPUT, 'transient');
const library = join(OUTPUT, 'libplugin.so');
/** Frames between main() and the leaf: see transient.c. */
const DEPTH = 20;
let helper = '';
let folder = '';

beforeAll(async () => {
  helper = await buildHelper();
  mkdirSync(OUTPUT, { recursive: true });
  const flags = ['-O2', '-fomit-frame-pointer', '-fno-optimize-sibling-calls'];
  execFileSync('gcc', [...flags, '-o', program, join(FIXTURES, 'transient.c'), '-ldl']);
  execFileSync('gcc', [...flags, '-shared', '-fPIC', '-o', library, join(FIXTURES, 'plugin.c')]);
});
beforeEach(() => {
  vi.stubEnv('EMBERSCOPE_TEST', '1');
  vi.stubEnv('EMBERSCOPE_TEST_HELPER', helper);
  folder = mkdtempSync(join(tmpdir(), 'ember-transient-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** User stacks of the program run with these arguments, recorded from its first instruction. */
async function stacksOf(...args: string[]): Promise<readonly UserStack[]> {
  const file = join(folder, 'out.ember');
  const spec = specOf(commandTarget(program, ...args), { rate: hertz(999) });
  const end = await recorded(spec, file);
  expect(end).toMatchObject({ reason: 'target-exited', error: null, commandExitCode: 0 });
  return userStacksOf((await readTables(file)).tables);
}

const weightOf = (stacks: readonly UserStack[]): number =>
  stacks.reduce((sum, { weight }) => sum + weight, 0);

/** Reaches its start, and has a name wherever there is a symbol table: the libc is stripped of its own. */
const isWhole = ({ stop, frames }: UserStack): boolean =>
  stop === null && frames.every(({ name, image }) => name !== '' || !image.startsWith(OUTPUT));

/** Stacks below one function, which says that its twenty callers are there as well. */
const through = (stacks: readonly UserStack[], leaf: string, step: string): UserStack[] =>
  stacks.filter(
    ({ frames }) =>
      frames[0]?.name === '_start' &&
      frames.filter(({ name }) => name === step).length === DEPTH + 1 &&
      frames.some(({ name }) => name === leaf),
  );

function note(what: string, stacks: readonly UserStack[]): number {
  const share = weightOf(stacks.filter(isWhole)) / weightOf(stacks);
  process.stdout.write(
    `${what}: ${(100 * share).toFixed(1)} % of ${weightOf(stacks)} samples complete and named\n`,
  );
  return share;
}

describe('a recording of what comes and goes', () => {
  it('has whole named stacks before and after an exec', async () => {
    const stacks = await stacksOf('exec', '500', program);
    expect(note('exec', stacks)).toBeGreaterThanOrEqual(0.95);
    // Both programs spin for half a second, at 999 Hz.
    expect(weightOf(through(stacks, 'leaf_work', 'descend'))).toBeGreaterThan(850);
  });

  it('has whole named stacks after an exec that comes late in a recording', async () => {
    // By then the runtime has collected what nobody holds: the watch for such requests was, once.
    const stacks = await stacksOf('exec', '9000', program);
    const pids = new Set(stacks.map(({ pid }) => pid));
    expect(pids.size).toBe(1);
    expect(note('late exec', stacks)).toBeGreaterThanOrEqual(0.99);
    // 9 s before it and as long after it, at 999 Hz.
    expect(weightOf(through(stacks, 'leaf_work', 'descend'))).toBeGreaterThan(16_000);
  });

  it('has whole named stacks in a library loaded meanwhile', async () => {
    const stacks = await stacksOf('dlopen', '500', library);
    expect(note('dlopen', stacks)).toBeGreaterThanOrEqual(0.95);
    expect(weightOf(through(stacks, 'plugin_leaf', 'plugin_descend'))).toBeGreaterThan(425);
  });

  it('has whole named stacks of a thousand children', async () => {
    const stacks = await stacksOf('forks', '1000', '3');
    expect(note('1,000 forks', stacks)).toBeGreaterThanOrEqual(0.95);
    expect(new Set(stacks.map(({ pid }) => pid)).size).toBeGreaterThan(900);
  });

  it('has whole named stacks of processes that live 200 ms', async () => {
    const stacks = await stacksOf('spawns', '10', program, '200');
    expect(note('lives of 200 ms', stacks)).toBeGreaterThanOrEqual(0.95);
    expect(weightOf(through(stacks, 'leaf_work', 'descend'))).toBeGreaterThan(1700);
  });
});
