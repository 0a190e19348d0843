import type { ImageProblem } from '../model/image-problem.ts';
import { formatBytes, formatCount } from './format-value.ts';

/** What missing names mean for people. Facts in it are raw: print through printable(). */
export interface ProblemWords {
  /** Two to four words, as in a table's cell. */
  readonly short: string;
  /** What happened, one sentence. */
  readonly sentence: string;
  /** What to do about it, one sentence. */
  readonly remedy: string;
}

const SYMBOLIZE_LATER = 'put it back and run: emberscope symbolize FILE';

/** Says why an image has no names, or fewer than it could. */
export function imageProblemWords(problem: ImageProblem): ProblemWords {
  switch (problem.kind) {
    case 'not-found':
      return {
        short: 'file is gone',
        sentence: `There is no ${problem.path} any more, neither here nor for a process that maps it.`,
        remedy: `If you have the same build of it, ${SYMBOLIZE_LATER}`,
      };
    case 'unreadable':
      return {
        short: 'file unreadable',
        sentence: `${problem.path} cannot be read (${problem.errno}).`,
        remedy: 'Run: emberscope symbolize FILE, as a user who may read it.',
      };
    case 'not-a-file':
      return {
        short: 'not a file',
        sentence: `${problem.path} is no regular file.`,
        remedy: 'Nothing can be read from it; its frames stay as offsets.',
      };
    case 'too-large':
      return {
        short: 'file too large',
        sentence: `${problem.path} has ${formatBytes(problem.bytes)}, more than any program.`,
        remedy: 'Install its debug file, which is found by build id.',
      };
    case 'not-elf':
      return {
        short: 'not a program file',
        sentence: `${problem.path} is no ELF file that can be read: ${problem.reason}.`,
        remedy: 'Nothing can be read from it; its frames stay as offsets.',
      };
    case 'replaced':
      return {
        short: 'file replaced',
        sentence: `Another file than the one that ran stands at ${problem.path} now (${problem.found || 'no build id'} instead of ${problem.expected}).`,
        remedy: `Record again; or, if you have the old build, ${SYMBOLIZE_LATER}`,
      };
    case 'unproven':
      return {
        short: 'file not proven',
        sentence: `The session has no build id of ${problem.path}, so the file there now may be another build.`,
        remedy: 'Link programs with --build-id (most compilers do) and record again.',
      };
    case 'no-symbols':
      return {
        short: 'stripped',
        sentence: `${problem.path} is stripped and no debug file of it was found.`,
        remedy:
          'Install its debug symbols (package NAME-dbgsym or NAME-debuginfo), or let debuginfod fetch them: emberscope symbolize FILE --debuginfod',
      };
    case 'kallsyms-restricted':
      return {
        short: 'kernel hides names',
        sentence: 'The kernel shows its symbols as zeros to this user (kernel.kptr_restrict).',
        remedy: 'Record as root, or with CAP_SYSLOG.',
      };
    case 'kallsyms-absent':
      return {
        short: 'no kernel names',
        sentence: 'The kernel has no symbol list (/proc/kallsyms is empty or missing).',
        remedy: 'Use a kernel built with CONFIG_KALLSYMS.',
      };
    case 'other-kernel':
      return {
        short: 'another kernel',
        sentence: 'The kernel that was recorded is not the one that runs here now.',
        remedy: 'Kernel names are only known to the boot they were recorded in: record again.',
      };
    case 'no-perf-map':
      return {
        short: 'no perf map',
        sentence: `Code that ${processes(problem.pids)} generated has no name: no perf map or jitdump tells it.`,
        remedy:
          'Start the runtime with its switch for perf maps, e.g. node --perf-basic-prof; see the hints.',
      };
  }
}

const processes = (pids: readonly number[]): string =>
  pids.length === 1 ? `process ${pids[0]}` : `${formatCount(pids.length)} processes`;
