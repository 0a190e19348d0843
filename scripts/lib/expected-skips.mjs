import { newPython } from '../new-python.mjs';
import { which } from './run.mjs';

/**
 * Runtimes that a distribution may not have, and how many tests of the bpf suite are skipped without each.
 * Every other skip fails the run.
 * @type {readonly { what: string, tests: number, present: () => boolean }[]}
 */
const RUNTIMES = [
  {
    what: 'a JDK (javac, jcmd)',
    tests: 2,
    present: () => which('javac') !== null && which('jcmd') !== null,
  },
  { what: 'Python 3.12 or newer', tests: 2, present: () => newPython() !== null },
];

/** Runtimes missing here. */
export const missingRuntimes = () => RUNTIMES.filter(({ present }) => !present());
