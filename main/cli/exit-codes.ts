import type { ProfilerError } from '#shared/errors.ts';

/** Exit codes of every command. Scripts rely on them: never renumber. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  permission: 3,
  target: 4,
  file: 5,
  kernel: 6,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The table of every --help. */
export const EXIT_CODES_HELP = `EXIT CODES
  0    it worked
  1    it failed for another reason, or what was asked for is not possible here
  2    the command line makes no sense: unknown option, value out of range, bad query
  3    not enough privileges
  4    no such target: process, cgroup or program
  5    a file cannot be read or written, or is no session
  6    the kernel or this installation cannot record
  130  interrupted: a recording twice, the file holds all but the last second; symbolize once`;

/** The exit code for an error. */
export function exitCodeOf(error: ProfilerError): ExitCode {
  switch (error.kind) {
    case 'permission-refused':
    case 'elevation-failed':
    case 'target-not-own':
      return EXIT.permission;
    case 'kernel-feature-missing':
    case 'library-missing':
    case 'bpf-object-unusable':
    case 'bpf-load-failed':
    case 'attach-failed':
    case 'probe-unsupported':
      return EXIT.kernel;
    case 'target-gone':
    case 'target-not-found':
    case 'command-failed':
    case 'cgroup-not-found':
      return EXIT.target;
    case 'spec-invalid':
    case 'filter-invalid':
    case 'probe-not-found':
    case 'format-unknown':
    case 'sql-failed':
      return EXIT.usage;
    case 'file-not-found':
    case 'file-unreadable':
    case 'output-unwritable':
    case 'disk-full':
    case 'store-failed':
    case 'not-a-session':
    case 'session-damaged':
    case 'session-too-new':
      return EXIT.file;
    case 'cancelled':
      return EXIT.interrupted;
    case 'helper-version':
    case 'helper-lost':
    case 'helper-protocol':
    case 'engine-lost':
    case 'internal-error':
    case 'capture-busy':
    case 'session-not-open':
    case 'request-invalid':
      return EXIT.failed;
  }
}

/** Receives the exit code of the command that ran. */
export type Done = (code: ExitCode) => void;
