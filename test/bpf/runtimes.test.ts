import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runtimeHints } from '../../main/shared/model/runtime-hints.ts';
import { FRAME_KINDS, type SessionTables } from '../../main/shared/model/session-tables.ts';
import { asPid, nanoseconds } from '../../main/shared/units.ts';
import { buildHelper } from '../support/bpf-helper.ts';
import {
  commandTarget,
  readWhole,
  recorded,
  recordingOf,
  selfShares,
  specOf,
} from '../support/capture.ts';
import { type UserFrame, type UserStack, userStacksOf } from '../support/user-stacks.ts';

let helper = '';
let folder = '';
let out = '';

beforeAll(async () => {
  helper = await buildHelper();
});
beforeEach(() => {
  vi.stubEnv('EMBERSCOPE_TEST', '1');
  vi.stubEnv('EMBERSCOPE_TEST_HELPER', helper);
  folder = mkdtempSync(join(tmpdir(), 'ember-runtimes-'));
  out = join(folder, 'out.ember');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const SPIN = `function spinForever(n) {
  let x = 0;
  for (let i = 0; i < n; i++) x = (x * 31 + i) | 0;
  return x;
}
const end = Date.now() + 2000;
let sum = 0;
while (Date.now() < end) sum += spinForever(1e6);
`;

async function tablesOfCommand(...argv: string[]): Promise<SessionTables> {
  const end = await recorded(specOf(commandTarget(...argv), { unwind: 'fp' }), out);
  expect(end.error).toBeNull();
  return (await readWhole(out)).delta.tables;
}

/** Share of samples that ended in functions whose name holds the text. */
const shareOf = (tables: SessionTables, text: string): number =>
  [...selfShares(tables)]
    .filter(([name]) => name.includes(text))
    .reduce((sum, [, share]) => sum + share, 0);

const hasProgram = (name: string, ...args: string[]): boolean =>
  spawnSync(name, args, { stdio: 'ignore' }).status === 0;

describe('Node.js', () => {
  it('is named by its jitdump, one function however often it was compiled, with lines', async () => {
    const script = join(folder, 'spin.js');
    writeFileSync(script, SPIN);
    const tables = await tablesOfCommand(
      ...['sh', '-c', `cd ${folder} && exec ${process.execPath} --perf-prof ${script}`],
    );
    expect(shareOf(tables, 'spinForever (spin.js:1)')).toBeGreaterThan(0.5);
    const rows = tables.functions.name.filter((name) => name === 'spinForever (spin.js:1)');
    expect(rows.length).toBeLessThanOrEqual(2);
    expect(tables.sourceFiles.path).toContain(script);
    expect(runtimeHints(tables).filter(({ share }) => share > 0.05)).toEqual([]);
  });

  it('is named by its perf map in a container of its own, after it has ended', async () => {
    const command = `mount -t tmpfs none /tmp && exec ${process.execPath} --perf-basic-prof -e '${SPIN}'`;
    const tables = await tablesOfCommand('unshare', '-m', '-p', '-f', 'sh', '-c', command);
    expect(shareOf(tables, 'spinForever')).toBeGreaterThan(0.5);
  });

  it('without a map is told which switch names its functions', async () => {
    const tables = await tablesOfCommand(process.execPath, '-e', SPIN);
    expect(shareOf(tables, 'spinForever')).toBe(0);
    const [hint] = runtimeHints(tables);
    expect(hint).toMatchObject({ runtime: 'node' });
    expect(hint!.share).toBeGreaterThan(0.5);
    expect(hint!.remedy).toContain('--perf-basic-prof');
  });
});

const hasJava = hasProgram('javac', '-version') && hasProgram('jcmd', '-h');
if (!hasJava) process.stdout.write('skipped: the Java test needs a JDK (java, javac, jcmd)\n');

describe.skipIf(!hasJava)('Java', () => {
  /** Tables of a Java machine that ran before it was recorded. */
  async function tablesOfMachine(...before: string[]): Promise<[SessionTables, pid: number]> {
    writeFileSync(
      join(folder, 'Spin.java'),
      `public class Spin {
         static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
         public static void main(String[] a) { long t = 0; for (;;) t += fib(25); }
       }`,
    );
    chmodSync(folder, 0o755);
    execFileSync('javac', ['-d', folder, join(folder, 'Spin.java')]);
    const [program = '', ...args] = [
      ...before,
      ...['java', '-XX:+PreserveFramePointer', '-cp', folder, 'Spin'],
    ];
    const java = spawn(program, args, { cwd: '/', stdio: 'ignore' });
    try {
      await delay(1500);
      const pid = java.pid!;
      const target = { kind: 'process', pid: asPid(pid) } as const;
      const spec = specOf(target, { duration: nanoseconds(5e9), unwind: 'fp' });
      expect((await (await recordingOf(spec, out)).ended).error).toBeNull();
      return [(await readWhole(out)).delta.tables, pid];
    } finally {
      java.kill('SIGKILL');
      await once(java, 'exit');
    }
  }

  it('is named without a word from the user', async () => {
    const [tables, pid] = await tablesOfMachine();
    expect(shareOf(tables, 'Spin.fib(int)')).toBeGreaterThan(0.8);
    rmSync(`/tmp/perf-${pid}.map`, { force: true });
  });

  it("is left alone and told how to when it is another user's", async () => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
    const [tables, pid] = await tablesOfMachine(...nobody);
    expect(existsSync(`/tmp/perf-${pid}.map`)).toBe(false);
    const [hint] = runtimeHints(tables);
    expect(hint?.runtime).toBe('java');
    expect(hint?.remedy).toContain(`jcmd ${pid} Compiler.perfmap`);
  });
});

/** How to start a Python that has -X perf: the system's, or one in a root folder of its own. */
const python = JSON.parse(
  execFileSync(process.execPath, [resolve(import.meta.dirname, '../../scripts/new-python.mjs')], {
    encoding: 'utf8',
  }),
) as readonly string[] | null;
if (python === null) process.stdout.write('skipped: the Python test needs 3.12 or newer\n');
const pythonRoot = python?.[0] === 'chroot' ? python[1]! : '/';

const SPIN_PY = `import time
def spin_forever(n):
  return sum(i * i for i in range(n))
end = time.time() + 4
while time.time() < end: spin_forever(10000)
`;

describe.skipIf(python === null)('Python', () => {
  let inside = '';

  beforeEach(() => {
    inside = join(pythonRoot, folder);
    mkdirSync(inside, { recursive: true });
    writeFileSync(join(inside, 'spin.py'), SPIN_PY);
  });
  afterEach(() => {
    rmSync(inside, { recursive: true, force: true });
    if (pythonRoot === '/') return;
    for (const file of readdirSync(join(pythonRoot, 'tmp'))) rmSync(join(pythonRoot, 'tmp', file));
  });

  it('names its functions with -X perf, in stacks that are whole', async () => {
    const target = commandTarget(...python!, '-X', 'perf', join(folder, 'spin.py'));
    const end = await recorded(specOf(target, { unwind: 'auto' }), out);
    expect(end.error).toBeNull();
    const { tables } = (await readWhole(out)).delta;
    expect([...tables.frames.kind]).toContain(FRAME_KINDS.indexOf('jit'));
    const stacks = userStacksOf(tables).filter(({ frames }) => frames.some(isSpin));
    const weightOf = (some: readonly UserStack[]): number =>
      some.reduce((sum, { weight }) => sum + weight, 0);
    const total = weightOf(stacks);
    expect(total).toBeGreaterThan(100);
    // Before the interpreter's code is known, some are cut short; in what it generates for that reason alone.
    const cut = stacks.filter(({ stop }) => stop !== null);
    expect(weightOf(cut) / total).toBeLessThan(0.05);
    const inGenerated = cut.filter(({ frames }) => frames[0]!.kind === 'jit');
    expect(inGenerated.filter(({ stop }) => stop !== 'no-mapping')).toEqual([]);
    const called = ['<module>', 'spin_forever', 'spin_forever.<locals>.<genexpr>'];
    const whole = stacks.filter(({ stop }) => stop === null);
    const named = whole.filter(({ frames }) => {
      const names = frames.filter(isSpin).map(({ name }) => name.replace(' (spin.py)', ''));
      return names.every((name, depth) => name === called[depth]);
    });
    expect(weightOf(named) / weightOf(whole)).toBeGreaterThanOrEqual(0.99);
    const deepest = stacks.filter(({ frames }) => frames.filter(isSpin).length === called.length);
    expect(weightOf(deepest) / total).toBeGreaterThan(0.25);
  });

  it('is told of the switch without it', async () => {
    const [hint] = runtimeHints(await tablesOfCommand(...python!, join(folder, 'spin.py')));
    expect([hint?.runtime, existsSync(out)]).toEqual(['python', true]);
  });
});

const isSpin = ({ name }: UserFrame): boolean => name.endsWith(' (spin.py)');
