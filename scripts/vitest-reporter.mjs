import { writeFileSync } from 'node:fs';

/**
 * One test as scripts/test.mjs counts it. `note`: why it was skipped, or how it failed.
 * @typedef {{ name: string, state: 'passed' | 'failed' | 'skipped', note: string }} TestOutcome
 */

/** Writes every test's outcome, skip reasons included, to the file named by the environment. */
// vitest asks for a default export.
export default class OutcomeReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly { message: string }[]} errors outside any test
   */
  onTestRunEnd(modules, errors) {
    /** @type {TestOutcome[]} */
    const outcomes = modules.flatMap((module) => [
      ...module.errors().map(({ message }) => failure(module.relativeModuleId, message)),
      ...[...module.children.allSuites()].flatMap((suite) =>
        suite.errors().map(({ message }) => failure(suite.fullName, message)),
      ),
      ...[...module.children.allTests()].map(outcomeOf),
    ]);
    outcomes.push(...errors.map(({ message }) => failure('outside any test', message)));
    writeFileSync(String(process.env['EMBERSCOPE_TEST_OUTCOMES']), JSON.stringify(outcomes));
  }
}

/** @param {string} name @param {string} note @returns {TestOutcome} */
const failure = (name, note) => ({ name, state: 'failed', note });

/** @param {import('vitest/node').TestCase} test @returns {TestOutcome} */
function outcomeOf(test) {
  const result = test.result();
  const name = `${test.module.relativeModuleId} > ${test.fullName}`;
  if (result.state === 'passed') return { name, state: 'passed', note: '' };
  if (result.state === 'skipped') {
    return { name, state: 'skipped', note: result.note ?? 'no reason given' };
  }
  const messages = (result.errors ?? []).map(({ message }) => message);
  return { name, state: 'failed', note: messages.join('; ') || 'did not finish' };
}
