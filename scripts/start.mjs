#!/usr/bin/env node
// npm start: sets up what is missing, builds what changed, opens the app.
//
//   npm start [-- FILE.ember ...]
//
// Without a display it records the bundled demo workload instead (emberscope demo).

import { existsSync } from 'node:fs';
import { resolveElectron } from './electron-runtime.mjs';
import { appLaunch } from './lib/launch.mjs';
import { inRoot, ROOT } from './lib/paths.mjs';
import { capture, run } from './lib/run.mjs';
import { runMain, SetupError, say } from './lib/say.mjs';
import { asCheckoutOwner, canCapture } from './lib/users.mjs';
import { setup } from './setup.mjs';

await runMain(async () => {
  const args = process.argv.slice(2);
  const display = process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY'] ?? '';
  return display === '' ? startWithoutDisplay(args) : startWindow(args);
});

/** @param {readonly string[]} args */
async function startWindow(args) {
  await setup(['build', 'desktop']);
  const runtime = await resolveAsOwner();
  if (process.getuid?.() !== 0 && !canCapture()) {
    say(
      '  Live recording needs privileges this user lacks: sudo npm start. Opening sessions works.',
    );
  }
  const { command, args: all, env, cwd } = appLaunch(runtime, args);
  // A session of its own: Ctrl-C reaches us alone, and we ask the window to close, which finishes a
  // recording. From the terminal it would hit the engine as well.
  return run(command, all, { env, cwd, stdio: 'inherit', detached: true });
}

/** @param {readonly string[]} args */
async function startWithoutDisplay(args) {
  await setup(['build']);
  const cli = inRoot('dist/cli/main.js');
  const [file] = args;
  if (file !== undefined) {
    say('There is no display (DISPLAY and WAYLAND_DISPLAY are empty): showing a report instead.');
    return run(process.execPath, [cli, 'report', file], { stdio: 'inherit' });
  }
  say('There is no display (DISPLAY and WAYLAND_DISPLAY are empty): recording the demo workload.');
  return run(process.execPath, [cli, 'demo'], { stdio: 'inherit' });
}

/** The download belongs to whoever owns the checkout. */
async function resolveAsOwner() {
  const owner = asCheckoutOwner();
  if (!('uid' in owner)) return resolveElectron();
  const done = capture(process.execPath, [inRoot('scripts/electron-runtime.mjs'), '--json'], {
    ...owner,
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (done.status !== 0) {
    throw new SetupError('No Electron to open the window with.', 'See the lines above.');
  }
  /** @type {import('./electron-runtime.mjs').ElectronRuntime} */
  const runtime = JSON.parse(done.stdout);
  if (!existsSync(runtime.executable)) throw new Error(`Bug: no ${runtime.executable}`);
  return runtime;
}
