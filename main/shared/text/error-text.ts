import type { ProfilerError } from '../errors.ts';
import { describeElevationError } from './elevation-error-text.ts';
import type { ErrorText } from './error-words.ts';
import { describeProbeError } from './probe-error-text.ts';

const text = (title: string, detail: string, nextStep: string): ErrorText => ({
  title,
  detail,
  nextStep,
});

/** The one place where errors become sentences, for the window and the command line alike. */
export function describeError(error: ProfilerError): ErrorText {
  switch (error.kind) {
    case 'elevation-failed':
    case 'helper-version':
    case 'target-not-own':
      return describeElevationError(error);
    case 'permission-refused':
    case 'kernel-feature-missing':
    case 'library-missing':
    case 'bpf-object-unusable':
    case 'bpf-load-failed':
    case 'attach-failed':
      return describeKernelError(error);
    case 'helper-lost':
    case 'helper-protocol':
    case 'engine-lost':
    case 'internal-error':
    case 'capture-busy':
    case 'cancelled':
      return describeProcessError(error);
    case 'filter-invalid':
    case 'probe-not-found':
    case 'probe-unsupported':
      return describeProbeError(error);
    case 'target-gone':
    case 'target-not-found':
    case 'command-failed':
    case 'cgroup-not-found':
    case 'spec-invalid':
      return describeTargetError(error);
    case 'file-not-found':
    case 'file-unreadable':
    case 'output-unwritable':
    case 'disk-full':
    case 'store-failed':
      return describeFileError(error);
    case 'not-a-session':
    case 'session-damaged':
    case 'session-too-new':
    case 'sql-failed':
    case 'format-unknown':
    case 'session-not-open':
    case 'request-invalid':
      return describeSessionError(error);
  }
}

type Of<Kind extends ProfilerError['kind']> = Extract<ProfilerError, { kind: Kind }>;

function describeKernelError(
  error: Of<
    | 'permission-refused'
    | 'kernel-feature-missing'
    | 'library-missing'
    | 'bpf-object-unusable'
    | 'bpf-load-failed'
    | 'attach-failed'
  >,
): ErrorText {
  switch (error.kind) {
    case 'permission-refused':
      return text(
        'Recording needs more privileges',
        `Sampling with eBPF needs ${listOf(error.missing) || 'CAP_BPF and CAP_PERFMON'}, which this process does not have.`,
        'Start Emberscope with sudo, for example "sudo emberscope record …". Opening a recorded session needs no privileges. "emberscope doctor" shows what works here.',
      );
    case 'kernel-feature-missing':
      return text(
        'This kernel lacks something that recording needs',
        `${error.feature}: ${error.reason}.`,
        'Run "emberscope doctor" to see what is missing and how to enable it. Linux 5.10 or newer with BTF is needed.',
      );
    case 'library-missing':
      return text(
        `The library ${error.library} cannot be loaded`,
        sentence(error.reason),
        error.library.startsWith('libbpf')
          ? 'Install libbpf 1.0 or newer: "sudo apt install libbpf1" on Debian and Ubuntu, "sudo dnf install libbpf" on Fedora.'
          : 'Install the package that contains it and try again.',
      );
    case 'bpf-object-unusable':
      return text(
        'The kernel program cannot be read',
        `${error.object}: ${sentence(error.reason)}`,
        'The installation is incomplete. In a checkout run "npm run build"; otherwise install Emberscope again.',
      );
    case 'bpf-load-failed':
      return text(
        'The kernel refused the sampling program',
        `Loading ${error.program} failed with ${error.errno}. ${error.verifierLog === '' ? 'The kernel gave no explanation.' : "The kernel's own explanation is attached."}`,
        error.errno === 'EPERM'
          ? 'Start Emberscope with sudo. If it already runs as root, kernel lockdown may forbid it: see "emberscope doctor".'
          : 'Please report this together with the kernel version and the verifier log.',
      );
    case 'attach-failed':
      return text(
        'Sampling could not be started',
        `Attaching to ${error.point} failed with ${error.errno}.`,
        'Run "emberscope doctor": it shows whether perf events work here and what stands in the way.',
      );
  }
}

function describeProcessError(
  error: Of<
    | 'helper-lost'
    | 'helper-protocol'
    | 'engine-lost'
    | 'internal-error'
    | 'capture-busy'
    | 'cancelled'
  >,
): ErrorText {
  switch (error.kind) {
    case 'helper-lost':
      return text(
        'The recording helper ended unexpectedly',
        `It ended ${endOf(error.exitCode, error.signal)}.${error.detail === '' ? '' : ` ${sentence(error.detail)}`} Everything it had delivered is in the session.`,
        'Record again. If it happens again, please report it with the text above.',
      );
    case 'helper-protocol':
      return text(
        'The recording helper sent something unexpected',
        sentence(error.detail),
        'The parts of this installation do not fit together. In a checkout run "npm run build"; otherwise install Emberscope again.',
      );
    case 'engine-lost':
      return text(
        'The engine behind this window ended unexpectedly',
        `${sentence(error.detail)} A recording that was running is kept up to the last second.`,
        'It is started again by itself. Open the session from the list of recent sessions.',
      );
    case 'internal-error':
      return text(
        'Emberscope made a mistake',
        sentence(error.detail),
        'Please report this with the text above and what you did before. What was recorded so far is kept.',
      );
    case 'capture-busy':
      return text(
        'A recording is already running',
        'One window records one session at a time.',
        'Stop the running recording first.',
      );
    case 'cancelled':
      return text(
        'Cancelled',
        'It was stopped before it was done.',
        'Start it again when you want to.',
      );
  }
}

function describeTargetError(
  error: Of<
    'target-gone' | 'target-not-found' | 'command-failed' | 'cgroup-not-found' | 'spec-invalid'
  >,
): ErrorText {
  switch (error.kind) {
    case 'target-gone':
      return text(
        `Process ${error.pid} has ended`,
        'It ended before sampling could begin.',
        'Attach to a process that keeps running, or start the program through Emberscope: "emberscope record -- COMMAND".',
      );
    case 'target-not-found':
      return text(
        `There is no process ${error.pid}`,
        'No process with this id is running on this machine.',
        'Look the id up again, for example with "pgrep -a NAME". In a container, use the id that the host sees.',
      );
    case 'command-failed':
      return text(
        'The program could not be started',
        `${error.command}: ${sentence(error.reason)}`,
        'Check its name, that it is executable, and the folder it is started in.',
      );
    case 'cgroup-not-found':
      return text(
        'There is no such cgroup',
        `${error.path} is no cgroup v2 folder on this machine.`,
        'Give a path as in /proc/PID/cgroup, such as system.slice/nginx.service. "systemd-cgls" lists them.',
      );
    case 'spec-invalid':
      return text(
        `The setting "${error.field}" cannot be used`,
        `It is ${error.value === '' ? 'empty' : error.value}. Allowed: ${error.allowed}.`,
        'Give an allowed value.',
      );
  }
}

function describeFileError(
  error: Of<
    'file-not-found' | 'file-unreadable' | 'output-unwritable' | 'disk-full' | 'store-failed'
  >,
): ErrorText {
  switch (error.kind) {
    case 'file-not-found':
      return text(
        'There is no such file',
        `${error.path} does not exist.`,
        'Check the path. It may have been moved or deleted.',
      );
    case 'file-unreadable':
      return text(
        'The file cannot be read',
        `${error.path}: ${sentence(error.reason)}`,
        'Check its permissions, or copy it to a place you can read.',
      );
    case 'output-unwritable':
      return text(
        'The output cannot be written',
        `${error.path}: ${sentence(error.reason)}`,
        'Choose another place, or use --force to replace a file that exists.',
      );
    case 'disk-full':
      return text(
        'The disk is full',
        `There is no room left to write ${error.path}. What was written before is kept.`,
        'Free some space or choose another disk, then try again.',
      );
    case 'store-failed':
      return text(
        'The session could not be stored',
        `Writing ${error.path} failed with ${error.sqliteCode}. What was written before is kept.`,
        'Check the disk for errors, or write to another disk.',
      );
  }
}

function describeSessionError(
  error: Of<
    | 'not-a-session'
    | 'session-damaged'
    | 'session-too-new'
    | 'sql-failed'
    | 'format-unknown'
    | 'session-not-open'
    | 'request-invalid'
  >,
): ErrorText {
  switch (error.kind) {
    case 'not-a-session':
      return text(
        'This is not an Emberscope session',
        `${error.path} is ${error.found}.`,
        'Choose a file made by Emberscope; their names end in .ember. The file was not changed.',
      );
    case 'session-damaged':
      return text(
        'The session file is damaged',
        `${error.path}: ${sentence(error.reason)}`,
        'Fetch it again from where it came from: it may be cut short. The file was not changed.',
      );
    case 'session-too-new':
      return text(
        'The session comes from a newer Emberscope',
        `${error.path} has format ${error.found}; this version reads formats up to ${error.supported}.`,
        'Update Emberscope to open it. The file was not changed.',
      );
    case 'sql-failed':
      return text(
        'The query failed',
        sentence(error.reason),
        'SESSION-FORMAT.md lists the tables and columns with examples. Sessions are opened read-only.',
      );
    case 'format-unknown':
      return text(
        `There is no format "${error.format}"`,
        `Known formats: ${error.known.join(', ')}.`,
        'Choose one of these.',
      );
    case 'session-not-open':
      return text(
        'This session is not open any more',
        `The engine holds no session number ${error.id}.`,
        'Open the file again.',
      );
    case 'request-invalid':
      return text(
        'The window asked for something the engine does not understand',
        `${error.channel}: ${sentence(error.reason)}`,
        'The parts of this installation do not fit together. In a checkout run "npm run build"; otherwise install Emberscope again.',
      );
  }
}

/** "a", "a and b", "a, b and c". */
function listOf(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length <= 1 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}

/** Ends a text with one full stop; upper case only where it already is, for facts are quoted. */
function sentence(fact: string): string {
  const trimmed = fact.trim().replace(/\.+$/, '');
  return trimmed === '' ? 'No reason is known.' : `${trimmed}.`;
}

function endOf(exitCode: number | null, signal: string | null): string {
  if (signal !== null) return `by signal ${signal}`;
  return exitCode === null ? 'for an unknown reason' : `with exit code ${exitCode}`;
}
