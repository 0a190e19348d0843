import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  it('is named by the map that jcmd makes of a running machine', async () => {
    writeFileSync(
      join(folder, 'Spin.java'),
      `public class Spin {
         static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
         public static void main(String[] a) { long t = 0; for (;;) t += fib(25); }
       }`,
    );
    execFileSync('javac', ['-d', folder, join(folder, 'Spin.java')]);
    const java = spawn('java', ['-XX:+PreserveFramePointer', '-cp', folder, 'Spin']);
    try {
      await delay(1500);
      const pid = java.pid!;
      const target = { kind: 'process', pid: asPid(pid) } as const;
      const spec = specOf(target, { duration: nanoseconds(5e9), unwind: 'fp' });
      const recording = await recordingOf(spec, out);
      execFileSync('jcmd', [String(pid), 'Compiler.perfmap'], { stdio: 'ignore' });
      await recording.ended;
      const { tables } = (await readWhole(out)).delta;
      expect(shareOf(tables, 'Spin.fib(int)')).toBeGreaterThan(0.8);
      rmSync(`/tmp/perf-${pid}.map`, { force: true });
    } finally {
      java.kill('SIGKILL');
      await once(java, 'exit');
    }
  });
});

/** The first Python that has -X perf. */
const python = ['python3.13', 'python3.12', 'python3'].find((name) =>
  hasProgram(name, '-X', 'perf', '-c', 'import sys; sys.exit(sys.version_info < (3, 12))'),
);
if (python === undefined) process.stdout.write('skipped: the Python test needs 3.12 or newer\n');

describe.skipIf(python === undefined)('Python', () => {
  it('names its functions with -X perf, and is told to without', async () => {
    const script = join(folder, 'spin.py');
    writeFileSync(
      script,
      'import time\ndef spin_forever(n):\n  return sum(i * i for i in range(n))\nend = time.time() + 2\nwhile time.time() < end: spin_forever(10000)\n',
    );
    const named = await tablesOfCommand(python!, '-X', 'perf', script);
    expect(named.functions.name).toContain('spin_forever.<locals>.<genexpr> (spin.py)');
    expect([...named.frames.kind]).toContain(FRAME_KINDS.indexOf('jit'));
    rmSync(out);
    const silent = await tablesOfCommand(python!, script);
    const [hint] = runtimeHints(silent);
    expect([hint?.runtime, existsSync(out)]).toEqual(['python', true]);
  });
});
