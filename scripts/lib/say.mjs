/**
 * What the scripts tell a person. Everything goes to standard error: standard output belongs to the
 * program being started (`npm run -s emberscope -- export FILE --format folded > out`).
 */

/** An expected failure: printed as what is missing and what to do, without a stack trace. */
export class SetupError extends Error {
  /**
   * @param {string} what what is missing or went wrong
   * @param {string} fix what to do about it
   */
  constructor(what, fix) {
    super(what);
    this.name = 'SetupError';
    this.fix = fix;
  }
}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** @param {number} ms */
export const seconds = (ms) =>
  ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;

/**
 * Announces a step, runs it and says how long it took.
 * @template T
 * @param {string} title
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  say(`… ${title}`);
  const start = performance.now();
  const value = await work();
  say(`✓ ${title} (${seconds(performance.now() - start)})`);
  return value;
}

/**
 * Runs a script's main function: an expected failure is two lines and exit code 1.
 * @param {() => Promise<number | undefined>} main resolves to the exit code
 */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`✗ ${error.message}\n  ${error.fix.replaceAll('\n', '\n  ')}`);
    process.exitCode = 1;
  }
}
