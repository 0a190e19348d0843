import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Report } from '../../main/cli/report-data.ts';
import { parseFolded } from '../../main/shared/text/folded-stacks.ts';
import { leavesNothingLoaded } from '../support/bpf-helper.ts';
import { AS_NOBODY, buildCli, runCli, startCli, WORKLOAD } from '../support/cli.ts';

/** What the workload does, by construction. */
const TRUTH: Readonly<Record<string, number>> = { work_hot: 0.7, work_warm: 0.2, work_cold: 0.1 };
/** "within 3 points". */
const TOLERANCE = 0.03;

let folder = '';
let session = '';
beforeAll(buildCli);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'emberscope-cli-'));
  session = join(folder, 'a.ember');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function reportOf(path: string): Promise<Report> {
  const { status, stdout, stderr } = await runCli(['report', path, '--json']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Report;
}

/** Self shares of the three functions among themselves and all else in the session. */
const sharesOf = (report: Report): Record<string, number> =>
  Object.fromEntries(
    report.hottestBySelf
      .filter(({ name }) => name in TRUTH)
      .map(({ name, selfShare }) => [name, selfShare]),
  );

function expectNear(found: Record<string, number>, wanted: Readonly<Record<string, number>>): void {
  for (const [name, share] of Object.entries(wanted)) {
    expect(Math.abs((found[name] ?? 0) - share), `${name}: ${found[name]}`).toBeLessThan(TOLERANCE);
  }
}

/** A workload running by itself, ended after the test. */
function startWorkload(threads: number): ChildProcess & { readonly pid: number } {
  const child = spawn(WORKLOAD, ['0', String(threads)], { stdio: 'ignore' });
  return child as ChildProcess & { readonly pid: number };
}

describe('record', () => {
  it('records a command to its end and finds the split it was built with', async () => {
    const args = ['record', '-F', '499', '-o', session, '--', WORKLOAD, '4', '2'];
    const { status, stderr } = await runCli(args);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('the target ended');
    const report = await reportOf(session);
    expectNear(sharesOf(report), TRUTH);
    expect(report.loss).toEqual([]);
    expect(report.session.state).toBe('complete');
    expect(readdirSync(folder)).toEqual(['a.ember']);
  });

  it('attaches to a process, stops by itself and prints its outcome as JSON', async () => {
    const workload = startWorkload(1);
    try {
      const args = ['record', '-p', String(workload.pid), '-F', '999', '-d', '3s', '-o', session];
      const { status, stdout, stderr } = await runCli([...args, '--quiet', '--json']);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({ path: session, reason: 'duration-over' });
    } finally {
      workload.kill();
    }
    const report = await reportOf(session);
    expectNear(sharesOf(report), TRUTH);
    expect(report.processes[0]).toMatchObject({ pid: workload.pid, comm: 'workload', share: 1 });
    expect(report.ownCost.bpfNsPerSample).toBeGreaterThan(0);
    expect(report.ownCost.bpfNsPerSample).toBeLessThan(100_000);
    expect(report.ownCost.helperCpuShare).toBeGreaterThan(0);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('finishes the file on %s', async (signal) => {
    const isClean = await leavesNothingLoaded(async () => {
      const { child, said, done } = startCli(['record', '-a', '-o', session]);
      await said(/Recording:/);
      await delay(1000);
      child.kill(signal);
      const { status, stderr } = await done;
      expect(status, stderr).toBe(0);
    });
    expect(isClean).toBe(true);
    expect((await reportOf(session)).session.state).toBe('complete');
  });

  it("passes the command's output on and tells its status without failing", async () => {
    const script = 'echo hello; exit 7';
    const { status, stdout, stderr } = await runCli([
      'record',
      '-o',
      session,
      '--',
      'sh',
      '-c',
      script,
    ]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'hello\n' });
    expect(stderr).toContain('the command exited with status 7');
  });

  it('names the file itself when nobody else does', async () => {
    await runCli(['record', '-q', '--', 'true'], { cwd: folder });
    expect(readdirSync(folder)).toEqual([
      expect.stringMatching(/^\d{4}-\d\d-\d\d-[\d.]{8}-true\.ember$/),
    ]);
  });

  it('replaces a file only when told to', async () => {
    const args = ['record', '-q', '-o', session, '--', 'true'];
    expect((await runCli(args)).status).toBe(0);
    const again = await runCli(args);
    expect(again.status).toBe(5);
    expect(again.stderr).toContain('--force');
    expect((await runCli(['record', '--force', ...args.slice(1)])).status).toBe(0);
  });
});

describe('report, export, sql and open', () => {
  it('read a session without any privilege', async () => {
    await runCli(['record', '-q', '-F', '499', '-o', session, '--', WORKLOAD, '1']);
    execFileSync('chmod', ['-R', 'a+rX', folder]);
    const options = { through: AS_NOBODY };
    const report = await runCli(['report', session, '--top', '3'], options);
    expect(report.stdout).toMatch(/work_hot/);
    const folded = await runCli(['export', session, '--format', 'folded'], options);
    const counts = parseFolded(folded.stdout).stacks.reduce((sum, { count }) => sum + count, 0);
    const sql = await runCli(
      ['sql', session, 'SELECT count(*) AS n FROM sample', '--csv'],
      options,
    );
    expect(sql.stdout).toBe(`n\n${counts}\n`);
    const opened = await runCli(['open', session], {
      ...options,
      env: { EMBERSCOPE_APP_COMMAND: JSON.stringify(['sh', '-c', 'echo "opened $0" >&2']) },
    });
    expect(opened).toMatchObject({ status: 0, stderr: `opened ${session}\n` });
    expect([report.status, folded.status, sql.status]).toEqual([0, 0, 0]);
  });

  it('end quietly when their reader has seen enough', async () => {
    await runCli(['record', '-q', '-a', '-F', '999', '-d', '1', '-o', session]);
    const script = `"$0" "$@" | head -c 1; echo "\${PIPESTATUS[0]}" >&2`;
    const cli = [process.execPath, join(import.meta.dirname, '../../dist/cli/main.js')];
    const pipe = spawn('bash', ['-c', script, ...cli, 'export', session, '-f', 'html']);
    let stderr = '';
    pipe.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await new Promise((settle) => pipe.once('close', settle));
    expect(stderr).toBe('0\n');
  });
});

describe('demo', () => {
  it('records, reports and writes a session and a page', async () => {
    const { status, stdout, stderr } = await runCli(['demo', '-d', '2'], { cwd: folder });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/6\d\.\d %.*work_hot|7\d\.\d %.*work_hot/);
    expect(readdirSync(folder).toSorted()).toEqual([
      'emberscope-demo.ember',
      'emberscope-demo.html',
    ]);
    expect(readFileSync(join(folder, 'emberscope-demo.html'), 'utf8')).toContain('work_cold');
  });
});

describe('doctor', () => {
  it('succeeds here as root and fails for a user without privileges, naming the fix', async () => {
    expect((await runCli(['doctor'])).status).toBe(0);
    const plain = await runCli(['doctor', '--json'], { through: AS_NOBODY });
    expect(plain.status).toBe(1);
    const { canRecord, checks } = JSON.parse(plain.stdout) as {
      canRecord: boolean;
      checks: { id: string; status: string; fix: string }[];
    };
    expect(canRecord).toBe(false);
    expect(checks.find(({ id }) => id === 'capabilities')).toMatchObject({
      status: 'missing',
      fix: expect.stringContaining('root') as string,
    });
  });
});

const PERF = ['/usr/bin/perf'].find(existsSync);

describe('export --format folded', () => {
  it.skipIf(PERF === undefined)(
    'agrees with perf record at the same time on the same workload',
    async () => {
      const seconds = 25;
      const workload = startWorkload(2);
      const pid = String(workload.pid);
      const data = join(folder, 'perf.data');
      // Walked by the kernel along frame pointers, as perf's.
      const alike = join(folder, 'fp.ember');
      try {
        const perf = spawn(PERF ?? '', [
          ...['record', '-q', '-F', '99', '-g', '-p', pid, '-o', data, '--'],
          ...['sleep', String(seconds)],
        ]);
        const perfEnded = new Promise((settle) => perf.once('close', settle));
        const recording = (unwind: string, file: string): Promise<{ status: number | null }> =>
          runCli([
            ...['record', '-q', '-F', '99', '-p', pid, '-d', String(seconds)],
            ...['--unwind', unwind, '-o', file],
          ]);
        const both = await Promise.all([recording('auto', session), recording('fp', alike)]);
        expect(both.map(({ status }) => status)).toEqual([0, 0]);
        await perfEnded;
      } finally {
        workload.kill();
      }
      const ours = await runCli(['export', session, '-f', 'folded']);
      const oursAlike = await runCli(['export', alike, '-f', 'folded']);
      const script = execFileSync(PERF ?? '', ['script', '-i', data], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        maxBuffer: 1 << 28,
      });
      const theirs = sharesByFunction(collapsePerfScript(script));
      expectNear(theirs, TRUTH);
      expectNear(sharesByFunction(ours.stdout), theirs);
      expectNear(sharesByFunction(oursAlike.stdout), theirs);
      // Same notation: every hot stack of perf is a line of ours.
      const stacks = new Set(
        parseFolded(oursAlike.stdout).stacks.map(({ frames }) => frames.join(';')),
      );
      const hot = parseFolded(collapsePerfScript(script)).stacks.filter(({ count }) => count > 50);
      expect(hot.length).toBeGreaterThan(3);
      for (const { frames } of hot) expect(stacks).toContain(frames.join(';'));
    },
  );
});

/** What stackcollapse-perf makes of `perf script`, for names that need no tidying. */
function collapsePerfScript(script: string): string {
  const counts = new Map<string, number>();
  for (const event of script.split('\n\n')) {
    const [head = '', ...lines] = event.trim().split('\n');
    const command = /^(.+?)\s+\d+/.exec(head)?.[1];
    if (command === undefined) continue;
    const frames = lines.map((line) =>
      line
        .trim()
        .replace(/^\S+ /, '')
        .replace(/ \([^()]*\)$/, '')
        .replace(/\+0x[\da-f]+$/, ''),
    );
    const stack = [command.replaceAll(' ', '_'), ...frames.reverse()].join(';');
    counts.set(stack, (counts.get(stack) ?? 0) + 1);
  }
  return [...counts].map(([stack, count]) => `${stack} ${count}\n`).join('');
}

/** Share of each leaf function. */
function sharesByFunction(folded: string): Record<string, number> {
  const { stacks } = parseFolded(folded);
  const total = stacks.reduce((sum, { count }) => sum + count, 0);
  const shares: Record<string, number> = {};
  for (const { frames, count } of stacks) {
    const leaf = frames.at(-1) ?? '';
    shares[leaf] = (shares[leaf] ?? 0) + count / total;
  }
  return shares;
}
