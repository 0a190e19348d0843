#!/usr/bin/env node
// npm test: set-up, build, every check and every test, one table at the end.
//
//   npm test [-- --suite=static,unit,bpf,desktop,package,kernels]

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { resolveElectron } from './electron-runtime.mjs';
import { ensureKernelImages } from './kernel-images.mjs';
import { runCheck, STATIC_CHECKS } from './lib/checks.mjs';
import { missingRuntimes } from './lib/expected-skips.mjs';
import { bindMount, canRead, MOUNT_POINT } from './lib/launch.mjs';
import { inRoot, ROOT } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { runMain, SetupError, say, seconds } from './lib/say.mjs';
import { ensureTracefs } from './lib/tracefs.mjs';
import { ensureAppUser } from './lib/users.mjs';
import { ensureNewPython } from './new-python.mjs';
import { setup } from './setup.mjs';

/** @typedef {import('./vitest-reporter.mjs').TestOutcome} TestOutcome */
/** @typedef {{ suite: string, outcomes: TestOutcome[], ms: number }} SuiteResult */

/**
 * Vitest projects; true: needs root, because it loads BPF programs or becomes other users. The kernels
 * of the last one are booted in an emulator.
 */
const PROJECTS = { unit: false, bpf: true, desktop: true, package: true, kernels: false };
const SUITES = ['static', ...Object.keys(PROJECTS)];

/** Large enough for the biggest window of the tests. */
const SCREEN = '-screen 0 2600x1500x24 -nolisten tcp';

await runMain(async () => {
  const wanted = suitesWanted(process.argv.slice(2));
  if (process.env['EMBERSCOPE_TEST_STAGE'] === 'inside') return runSuites(wanted);
  await setup(['build', 'desktop', 'test']);
  if (wanted.includes('kernels')) await ensureKernelImages([]);
  if (wanted.includes('bpf')) await ensureNewPython();
  const runtime = await resolveElectron();
  return run(...insideCommand(runtime.executable));
});

/** @param {readonly string[]} args */
function suitesWanted(args) {
  const named = args.flatMap((arg) =>
    arg.startsWith('--suite=') ? arg.slice('--suite='.length).split(',') : [],
  );
  const unknown = [
    ...args.filter((arg) => !arg.startsWith('--suite=')),
    ...named.filter((name) => !SUITES.includes(name)),
  ];
  if (unknown.length > 0) {
    throw new SetupError(
      `Unknown: ${unknown.join(' ')}`,
      `npm test -- --suite=${SUITES.join(',')}`,
    );
  }
  return named.length === 0 ? SUITES : named;
}

/**
 * This script again, under a display of its own; and, when the tests' plain user could not enter the
 * checkout (below /root), at a place where it can.
 * @param {string} electron
 * @returns {Parameters<typeof run>}
 */
function insideCommand(electron) {
  const isRoot = process.getuid?.() === 0;
  const readable = !isRoot || canRead(ensureAppUser(), [], [inRoot('package.json'), electron]);
  const root = readable ? ROOT : MOUNT_POINT;
  const [command = '', ...args] = [
    ...(readable ? [] : bindMount()),
    ...['xvfb-run', '--auto-servernum', `--server-args=${SCREEN}`],
    ...[process.execPath, `${root}/scripts/test.mjs`, ...process.argv.slice(2)],
  ];
  const env = { ...process.env, EMBERSCOPE_TEST_STAGE: 'inside', ELECTRON_OVERRIDE_DIST_PATH: '' };
  if (electron.startsWith(`${ROOT}/`))
    delete (/** @type {NodeJS.ProcessEnv} */ (env)['ELECTRON_OVERRIDE_DIST_PATH']);
  else env.ELECTRON_OVERRIDE_DIST_PATH = electron.slice(0, electron.lastIndexOf('/'));
  return [command, args, { env, cwd: ROOT, stdio: ['inherit', 'inherit', 'inherit'] }];
}

/** @param {readonly string[]} wanted */
async function runSuites(wanted) {
  mkdirSync(inRoot('.cache'), { recursive: true });
  mkdirSync(inRoot('test/artifacts'), { recursive: true });
  /** @type {SuiteResult[]} */
  const results = [];
  ensureTracefs();
  if (wanted.includes('static')) results.push(runStatic());
  for (const [project, needsRoot] of Object.entries(PROJECTS)) {
    if (wanted.includes(project)) results.push(await runProject(project, needsRoot));
  }
  return summarize(results);
}

/** @returns {SuiteResult} */
function runStatic() {
  const start = performance.now();
  const outcomes = STATIC_CHECKS.map((check) => {
    const { passed, output, ms } = runCheck(check);
    say(`${passed ? '✓' : '✗'} ${check.name} (${seconds(ms)})`);
    if (!passed) say(output);
    const note = output.split('\n').at(-1) ?? '';
    return /** @type {TestOutcome} */ ({
      name: check.name,
      state: passed ? 'passed' : 'failed',
      note,
    });
  });
  return { suite: 'static', outcomes, ms: performance.now() - start };
}

/**
 * @param {string} project
 * @param {boolean} needsRoot
 * @returns {Promise<SuiteResult>}
 */
async function runProject(project, needsRoot) {
  if (needsRoot && process.getuid?.() !== 0) return notRun(project, 'needs root: sudo npm test');
  const file = inRoot('.cache', `outcomes-${project}.json`);
  rmSync(file, { force: true });
  const start = performance.now();
  const vitest = inRoot('node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', `--reporter=${inRoot('scripts/vitest-reporter.mjs')}`];
  const status = await run(process.execPath, [vitest, 'run', '--project', project, ...reporters], {
    cwd: ROOT,
    env: { ...process.env, EMBERSCOPE_TEST_OUTCOMES: file },
  });
  const ms = performance.now() - start;
  const outcomes = readOutcomes(file);
  if (outcomes === null) return { ...notRun(project, `vitest ended with ${status}`), ms };
  if (outcomes.length === 0) return { ...notRun(project, 'no test was found'), ms };
  if (status !== 0 && !outcomes.some(({ state }) => state === 'failed')) {
    outcomes.push({ name: project, state: 'failed', note: `vitest ended with ${status}` });
  }
  return { suite: project, outcomes, ms };
}

/** A suite that did not run has not passed. @param {string} suite @param {string} note @returns {SuiteResult} */
const notRun = (suite, note) => ({
  suite,
  outcomes: [{ name: suite, state: 'failed', note }],
  ms: 0,
});

/** @param {string} file @returns {TestOutcome[] | null} */
function readOutcomes(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null; // vitest died before its end: the caller reports that.
  }
}

/** @param {readonly SuiteResult[]} results */
function summarize(results) {
  /** @param {readonly TestOutcome[]} outcomes @param {TestOutcome['state']} state */
  const count = (outcomes, state) => outcomes.filter((outcome) => outcome.state === state).length;
  const all = results.flatMap(({ outcomes }) => outcomes);
  const line = (/** @type {readonly unknown[]} */ [name, ...cells]) =>
    `${String(name).padEnd(10)}${cells.map((cell) => String(cell).padStart(9)).join('')}`;
  const table = [
    line(['suite', 'passed', 'failed', 'skipped', 'time']),
    ...results.map(({ suite, outcomes, ms }) =>
      line([
        suite,
        ...[count(outcomes, 'passed'), count(outcomes, 'failed'), count(outcomes, 'skipped')],
        seconds(ms),
      ]),
    ),
  ];
  process.stdout.write(`\n${table.join('\n')}\n\n`);
  for (const { name, state, note } of all) {
    if (state === 'skipped') process.stdout.write(`skipped: ${name}: ${note}\n`);
    if (state === 'failed') process.stdout.write(`failed: ${name}: ${note.split('\n')[0]}\n`);
  }
  const failed = count(all, 'failed');
  const skipped = count(all, 'skipped');
  const missing = results.some(({ suite }) => suite === 'bpf') ? missingRuntimes() : [];
  const expected = missing.reduce((sum, { tests }) => sum + tests, 0);
  if (skipped !== expected) {
    const why = missing.map(({ what }) => what).join(', ');
    const without = why === '' ? '' : ` (without ${why})`;
    process.stdout.write(`${skipped} skipped where ${expected} were expected${without}\n`);
  }
  process.stdout.write(`${count(all, 'passed')} passed, ${failed} failed, ${skipped} skipped\n`);
  return failed === 0 && skipped === expected ? 0 : 1;
}
