import { capture, which } from './run.mjs';

/**
 * Runtimes that a distribution may not have and set-up does not install: a test of each is skipped
 * without it. Every other skip fails the run.
 * @type {readonly { what: string, present: () => boolean }[]}
 */
const RUNTIMES = [
  { what: 'a JDK (javac, jcmd)', present: () => which('javac') !== null && which('jcmd') !== null },
  {
    what: 'Python 3.12 or newer',
    present: () => ['python3.13', 'python3.12', 'python3'].some(hasPerfTrampolines),
  },
];

/** @param {string} python */
function hasPerfTrampolines(python) {
  const program = which(python);
  if (program === null) return false;
  const check = 'import sys; sys.exit(sys.version_info < (3, 12))';
  return capture(program, ['-X', 'perf', '-c', check]).status === 0;
}

/** Runtimes missing here, each of which costs one test of the bpf suite. */
export const missingRuntimes = () =>
  RUNTIMES.filter(({ present }) => !present()).map(({ what }) => what);
