import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { leavesNothingLoaded } from '../support/bpf-helper.ts';
import {
  AS_NOBODY,
  buildCli,
  type CliOptions,
  type CliResult,
  runCli,
  startCli,
  WORKLOAD,
} from '../support/cli.ts';
import { statusField } from '../support/processes.ts';

const ROOT = resolve(import.meta.dirname, '../..');
let folder = '';
/** A good session, for damage to be done to copies of it. */
let good = '';
let output = '';

beforeAll(async () => {
  buildCli();
  folder = mkdtempSync(join(tmpdir(), 'emberscope-refusals-'));
  chmodSync(folder, 0o777);
  good = join(folder, 'good.ember');
  output = join(folder, 'out.ember');
  const recorded = await runCli(['record', '-q', '-F', '999', '-o', good, '--', WORKLOAD, '1']);
  expect(recorded.status, recorded.stderr).toBe(0);
});
beforeEach(() => rmSync(output, { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

interface Refusal {
  readonly status: number;
  /** What the message must say, the fix among it. */
  readonly says: readonly RegExp[];
}

/** Runs, expects the refusal with title, reason and next step, and nothing left behind. */
async function expectRefusal(
  args: readonly string[],
  { status, says }: Refusal,
  options?: CliOptions,
): Promise<void> {
  const before = readdirSync(folder);
  let result: CliResult = { status: null, stdout: '', stderr: '' };
  const isClean = await leavesNothingLoaded(async () => {
    result = await runCli(args, options);
  });
  expect(isClean).toBe(true);
  expect({ status: result.status, stdout: result.stdout }, result.stderr).toEqual({
    status,
    stdout: '',
  });
  for (const words of says) expect(result.stderr).toMatch(words);
  expect(result.stderr).not.toMatch(/defect| at .*\.js:\d/);
  expect(readdirSync(folder)).toEqual(before);
}

const recordTo = (...rest: readonly string[]): string[] => ['record', '-o', output, ...rest];

/** The sampler with a tick that reads where no program may, on any kernel. */
const REJECTED = `
#define on_tick accepted_tick
#include "${ROOT}/native-bpf/on_cpu.bpf.c"
#undef on_tick

SEC("perf_event")
int on_tick(void *ctx)
{
	return *(volatile int *)0x1000;
}
`;

/** Compiles REJECTED as native-bpf/Makefile compiles the sampler. */
function compileRejected(object: string): void {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  execFileSync(
    'clang',
    [
      ...['-O2', '-g', '-target', 'bpf', '-idirafter', `/usr/include/${machine}-linux-gnu`],
      ...['-x', 'c', '-c', '-', '-o', object],
    ],
    { input: REJECTED },
  );
}

describe('record refuses', () => {
  it.each([
    ['rate 0', ['-a', '-F', '0'], 2, /"rate".*\n.*1 to 20000/],
    ['rate 1e9', ['-a', '-F', '1e9'], 2, /"rate".*\n.*1 to 20000/],
    ['a rate that is no number', ['-a', '-F', 'fast'], 2, /Not a number/],
    ['no target', [], 2, /exactly one of -a, -p PID/],
    ['two targets', ['-a', '-p', '1'], 2, /exactly one of -a, -p PID/],
    ['an unknown option', ['-a', '--bogus'], 2, /unknown option[^]*--help/],
    ['no stacks at all', ['-a', '--no-kernel', '--no-user'], 2, /at least one/],
    ['a PID that does not exist', ['-p', '4194303'], 4, /no process 4194303[^]*pgrep/],
    [
      'a program that does not exist',
      ['--', '/no/such'],
      4,
      /could not be started[^]*Check its name/,
    ],
    ['a cgroup that does not exist', ['--cgroup', 'no/such'], 4, /no such cgroup[^]*systemd-cgls/],
  ])('%s', async (_, args, status, words) => {
    await expectRefusal(recordTo(...args), { status, says: [words] });
  });

  it('a process that has ended', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const pid = await new Promise<string>((settle) => {
        parent.stdout.once('data', (chunk: Buffer) => settle(chunk.toString().trim()));
      });
      // Its parent has become a program that does not collect its children.
      await vi.waitFor(() => expect(statusField(Number(pid), 'State')).toMatch(/^Z/), 5000);
      await expectRefusal(recordTo('-p', pid), {
        status: 4,
        says: [/has ended[^]*record -- COMMAND/],
      });
    } finally {
      parent.kill();
    }
  });

  it('a user without privileges', async () => {
    await expectRefusal(
      recordTo('-a', '-d', '1'),
      { status: 3, says: [/CAP_BPF[^]*sudo emberscope record[^]*doctor/] },
      { through: AS_NOBODY },
    );
  });

  it.each([
    ['a folder that does not exist', () => join(folder, 'none/x.ember'), /does not exist/],
    ['a folder', () => folder, /it is a folder/],
    ['a file that exists', () => good, /exists already[^]*--force/],
    ['a file system that takes no files', () => '/proc/x.ember', /\/proc/],
  ])('to write to %s', async (_, path, words) => {
    await expectRefusal(['record', '-a', '-d', '1', '-o', path()], {
      status: 5,
      says: [words, /Choose another place/],
    });
  });

  it('to start when the BPF object is missing, truncated or refused by the verifier', async () => {
    const objects = join(folder, 'bpf');
    mkdirSync(objects);
    const options = { env: { EMBERSCOPE_TEST: '1', EMBERSCOPE_TEST_BPF_DIR: objects } };
    const refuse = (...says: readonly RegExp[]): Promise<void> =>
      expectRefusal(recordTo('-a', '-d', '1'), { status: 6, says }, options);
    const object = join(objects, 'on_cpu.bpf.o');
    await refuse(/cannot be read/, /npm run build/);
    copyFileSync(join(ROOT, 'dist/bpf/on_cpu.bpf.o'), object);
    truncateSync(object, 1000);
    await refuse(/cannot be read/, /npm run build/);
    compileRejected(object);
    await refuse(/kernel refused/, /The verifier says:[^]*invalid mem access/, /report this/);
    rmSync(objects, { recursive: true });
  });

  it('to go on when the disk is full, and keeps what it has', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=500k', 'tmpfs', disk]);
    try {
      const path = join(disk, 'a.ember');
      // The command is the user's: it goes on, and its streams stay open until it ends.
      const args = ['record', '-F', '9999', '-o', path, '--', WORKLOAD, '15', '2'];
      let result: CliResult = { status: null, stdout: '', stderr: '' };
      const isClean = await leavesNothingLoaded(async () => {
        result = await runCli(args);
      });
      expect(isClean).toBe(true);
      expect(result.status, result.stderr).toBe(5);
      expect(result.stderr).toMatch(/disk is full[^]*Free some space/);
      const report = await runCli(['report', path]);
      expect(report.status, report.stderr).toBe(0);
      expect(report.stdout).toContain('work_hot');
    } finally {
      execFileSync('umount', [disk]);
      rmSync(disk, { recursive: true });
    }
  });

  it('to be finished when interrupted twice, and keeps what it has', async () => {
    const isClean = await leavesNothingLoaded(async () => {
      const { child, said, done } = startCli(recordTo('-a', '-F', '999'));
      await said(/Recording:/);
      await delay(2000);
      child.kill('SIGINT');
      child.kill('SIGTERM');
      const { status, stderr } = await done;
      expect(status, stderr).toBe(130);
      expect(stderr).toContain('given up');
    });
    expect(isClean).toBe(true);
    expect((await runCli(['report', output])).stdout).toMatch(/interrupted/);
  });
});

describe('record refuses a probe', () => {
  const only = (...rest: readonly string[]): string[] => [
    ...recordTo('-a', '-d', '1', '--no-on-cpu'),
    ...rest,
  ];
  /** Longer than anybody types: as scripts make them. */
  const MANY = Array.from({ length: 10_000 }, (_, index) => ['--function', `vfs_read${index}`]);

  it.each([
    [
      'unknown functions',
      ['--function', 'vfs_raed'],
      2,
      /no probe "vfs_raed"[^]*Similar: .*vfs_read/,
    ],
    ['unknown functions in traces', ['--trace', 'vfs_raed'], 2, /Similar: .*vfs_read/],
    [
      'unknown functions of a program',
      ['--function', `${WORKLOAD}:work_hott`],
      2,
      /Similar: .*work_hot/,
    ],
    [
      'programs that are not there',
      ['--function', '/no/such:main'],
      5,
      /\/no\/such does not exist/,
    ],
    ['files that are no programs', ['--function', '/etc/passwd:main'], 5, /no ELF program/],
    ['USDT probes that are not there', ['--trace', `usdt:${WORKLOAD}:shop:served`], 2, /no probe/],
    [
      'unknown tracepoints',
      ['--trace', 'tracepoint:sched:sched_swich'],
      2,
      /Similar: .*sched_switch/,
    ],
    ['unknown events', ['--count', 'pagefaults'], 2, /Similar: .*page-faults/],
    ['10,000 of them', MANY.flat(), 2, /"sources".*\n.*at most 32|1 to 32/],
    [
      'returns of what does not return',
      ['--trace', 'tracepoint:sched:sched_switch', '--returns'],
      2,
      /do not return/,
    ],
  ])('%s', async (_, args, status, words) => {
    await expectRefusal(only(...args), { status, says: [words] });
  });

  it.each([
    ['prev_pid = 3', 10, /"=" is not expected/],
    ['prev_pid ==', 12, /a number or a text/],
    ['(prev_pid == 3', 1, /parenthesis is not closed/],
    ['nothing == 3', 1, /there is no field "nothing"; this probe has prev_comm/],
    ['next_pid > 0 && prev_comm < "a"', 29, /texts can be compared by/],
  ])('a filter that is wrong, and says where: %s', async (filter, at, words) => {
    const args = only('--trace', 'tracepoint:sched:sched_switch', '--filter', filter);
    await expectRefusal(args, { status: 2, says: [new RegExp(`At character ${at} of`), words] });
  });

  it.each([
    ['vfs_read', /the system calls that call it \(--syscalls\)/],
    ['do_nanosleep', /waits and who ends them \(--off-cpu --wakers\)/],
    ['__x64_sys_clone', /the system call itself \(--syscalls\)/],
  ])(
    '%s where functions cannot be timed, with each reason and what to do instead',
    async (name, instead) => {
      const args = only('--function', name);
      if (existsSync('/sys/bus/event_source/devices/kprobe')) {
        expect(await runCli(args)).toMatchObject({ status: 0 });
        return;
      }
      const reasons =
        /not by fentry: .+\(E[A-Z]+\); not by kprobe\.multi: .+\(E[A-Z]+\); not by kprobe: .+/i;
      await expectRefusal(args, { status: 6, says: [reasons, instead] });
    },
  );
});

describe('report refuses', () => {
  /** A copy of the good session with something done to its bytes; the refusal must leave it so. */
  async function expectUnread(damage: (bytes: Buffer) => Buffer, ...says: RegExp[]): Promise<void> {
    const path = join(folder, 'damaged.ember');
    const bytes = damage(readFileSync(good));
    writeFileSync(path, bytes);
    for (const command of [
      ['report', path],
      ['export', path, '-f', 'folded'],
      ['open', path],
    ]) {
      await expectRefusal(command, { status: 5, says });
    }
    expect(readFileSync(path).equals(bytes)).toBe(true);
    rmSync(path);
  }

  it('a file that does not exist', async () => {
    await expectRefusal(['report', output], {
      status: 5,
      says: [/no such file[^]*Check the path/],
    });
  });

  it('a file that is no database', async () => {
    await expectUnread(() => Buffer.from('hello'), /not an Emberscope session/, /\.ember/);
  });

  it('a database of something else', async () => {
    // application_id, https://sqlite.org/fileformat.html 1.2.
    await expectUnread((bytes) => (bytes.writeUInt32BE(1, 68), bytes), /not an Emberscope session/);
  });

  it('a truncated session', async () => {
    await expectUnread(
      (bytes) => bytes.subarray(0, bytes.length >> 1),
      /damaged/,
      /Fetch it again/,
    );
  });

  it('a session from a newer version', async () => {
    // user_version, as above.
    await expectUnread(
      (bytes) => (bytes.writeUInt32BE(99, 60), bytes),
      /newer Emberscope/,
      /Update/,
    );
  });
});

describe('export refuses', () => {
  it.each([
    ['an unknown format', () => ['-f', 'pdf'], 2, /folded, svg, html/],
    ['to replace the session itself', () => ['-f', 'svg', '-o', good], 5, /the session itself/],
    [
      'a folder that does not exist',
      () => ['-f', 'svg', '-o', '/no/such/x.svg'],
      5,
      /does not exist/,
    ],
    ['a full device', () => ['-f', 'html', '-o', '/dev/full'], 5, /disk is full/],
  ])('%s', async (_, args, status, words) => {
    await expectRefusal(['export', good, ...args()], { status, says: [words] });
  });
});

describe('sql refuses', () => {
  it('what is no question', async () => {
    const says = [/only questions/, /SESSION-FORMAT/];
    await expectRefusal(['sql', good, 'DELETE FROM meta'], { status: 2, says });
  });
});

describe('open refuses', () => {
  it('when there is no desktop app', async () => {
    const env = { EMBERSCOPE_APP_COMMAND: '' };
    await expectRefusal(
      ['open', good],
      { status: 1, says: [/not part of this/, /npm start/] },
      { env },
    );
  });

  it('when the desktop app fails at once', async () => {
    const env = { EMBERSCOPE_APP_COMMAND: JSON.stringify(['sh', '-c', 'exit 3']) };
    await expectRefusal([good], { status: 1, says: [/did not start: exit code 3/] }, { env });
  });
});
