import { describe, expect, it } from 'vitest';
import { EXIT, exitCodeOf } from '../../../main/cli/exit-codes.ts';
import type {
  ElevationFailure,
  ProfilerError,
  ProfilerErrorKind,
} from '../../../main/shared/errors.ts';
import { describeError } from '../../../main/shared/text/error-text.ts';

/** One example of every kind: the type demands it, so a new kind cannot be forgotten. */
const EXAMPLES: {
  readonly [Kind in ProfilerErrorKind]: Omit<Extract<ProfilerError, { kind: Kind }>, 'kind'>;
} = {
  'elevation-failed': { reason: 'dismissed', detail: '' },
  'helper-version': { found: 'version 0.1.0', expected: 'version 0.2.0' },
  'target-not-own': { what: "Process 42 is another user's" },
  'permission-refused': { missing: ['CAP_BPF', 'CAP_PERFMON'] },
  'kernel-feature-missing': { feature: 'btf', reason: '/sys/kernel/btf/vmlinux does not exist' },
  'library-missing': { library: 'libbpf.so.1', reason: 'cannot open shared object file' },
  'bpf-object-unusable': { object: 'on_cpu.bpf.o', reason: 'not an ELF file' },
  'bpf-load-failed': {
    program: 'on_cpu_sample',
    errno: 'EACCES',
    verifierLog: 'R1 invalid mem access',
  },
  'attach-failed': { point: 'perf_event cpu-clock on CPU 0', errno: 'EINVAL' },
  'helper-lost': { exitCode: null, signal: 'SIGKILL', detail: '' },
  'helper-protocol': { detail: 'frame of 5 MiB' },
  'target-gone': { pid: 42 },
  'target-not-found': { pid: 42 },
  'command-failed': { command: './app', reason: 'no such program' },
  'cgroup-not-found': { path: 'system.slice/none' },
  'spec-invalid': { field: 'rate', value: '0', allowed: 'a whole number from 1 to 20000 Hz' },
  'filter-invalid': { expression: 'pid = 1', at: 4, reason: 'expected an operator' },
  'probe-not-found': { probe: 'vfs_raed', similar: ['vfs_read'] },
  'probe-unsupported': { probe: 'vfs_read', reason: 'this kernel is built without kprobes' },
  'capture-busy': {},
  'engine-lost': { detail: 'exit code 9' },
  'internal-error': { detail: 'Error: Bug: append to a finished session' },
  'file-not-found': { path: '/tmp/a.ember' },
  'file-unreadable': { path: '/tmp/a.ember', reason: 'permission denied' },
  'output-unwritable': { path: '/tmp/a.ember', reason: 'it exists already' },
  'disk-full': { path: '/tmp/a.ember' },
  'store-failed': { path: '/tmp/a.ember', sqliteCode: 'SQLITE_IOERR' },
  'not-a-session': { path: '/tmp/a.ember', found: 'a PNG image' },
  'session-damaged': { path: '/tmp/a.ember', reason: 'it is cut short' },
  'session-too-new': { path: '/tmp/a.ember', found: 9, supported: 1 },
  'sql-failed': { reason: 'no such table: x' },
  'format-unknown': { format: 'pdf', known: ['folded', 'svg'] },
  'session-not-open': { id: 3 },
  'request-invalid': { channel: 'capture.start', reason: 'spec: expected object' },
  cancelled: {},
};

/** All outcomes of asking for privileges: likewise. */
const ELEVATIONS: { readonly [Reason in ElevationFailure]: string } = {
  dismissed: '',
  refused: '',
  'no-agent': '',
  'no-pkexec': '',
  'pkexec-unusable': 'pkexec must be setuid root.',
  'policy-missing': '/usr/share/polkit-1/actions/org.emberscope.policy',
  'helper-missing': '',
  'helper-unsafe': '/opt is a symbolic link; it has to be the real thing.',
  'timed-out': '',
};

const ERRORS = [
  ...Object.entries(EXAMPLES).map(([kind, facts]) => ({ kind, ...facts }) as ProfilerError),
  ...Object.entries(ELEVATIONS).map(
    ([reason, detail]) => ({ kind: 'elevation-failed', reason, detail }) as ProfilerError,
  ),
];

describe('describeError', () => {
  it('words every kind as agreed', async () => {
    const texts = ERRORS.map((error) => {
      const { title, detail, nextStep } = describeError(error);
      return `${error.kind}\n  ${title}\n  ${detail}\n  ${nextStep}\n`;
    });
    await expect(texts.join('\n')).toMatchFileSnapshot('../../golden/error-text.expected');
  });

  it.each(ERRORS)('writes whole sentences for $kind', (error) => {
    const { title, detail, nextStep } = describeError(error);
    expect(title).toMatch(/[^.\s]$/);
    expect(detail).toMatch(/\S\.$/);
    expect(nextStep).toMatch(/^[A-Z].*\S\.$/);
  });

  it('advises sudo or lockdown when loading is not permitted', () => {
    const error = {
      kind: 'bpf-load-failed',
      program: 'p',
      errno: 'EPERM',
      verifierLog: '',
    } as const;
    expect(describeError(error).nextStep).toContain('sudo');
  });
});

describe('exitCodeOf', () => {
  it.each(ERRORS)('never calls $kind a success', (error) => {
    expect(exitCodeOf(error)).not.toBe(EXIT.ok);
  });

  it('keeps the codes that scripts rely on', () => {
    const codes = Object.fromEntries(ERRORS.map((error) => [error.kind, exitCodeOf(error)]));
    expect(codes).toMatchObject({
      'permission-refused': 3,
      'target-not-found': 4,
      'spec-invalid': 2,
      'disk-full': 5,
      'bpf-load-failed': 6,
      'helper-lost': 1,
      cancelled: 130,
    });
  });
});
