import { app } from 'electron';
import { type Launch, launchFiles, ownArguments, parseLaunch } from './launch-files.ts';

/** How this process was started. */
export function ownLaunch(): Launch {
  return { args: ownArguments(process.argv, process.defaultApp), cwd: process.cwd() };
}

/**
 * Makes this the only window of this user and data folder. False: another one runs and has been
 * given our files. Chromium reorders the command line it passes on, so ours travels as data.
 */
export function claimSingleInstance(onLaunch: (files: readonly string[]) => void): boolean {
  const claimed = app.requestSingleInstanceLock({ ...ownLaunch() });
  if (!claimed) return false;
  app.on('second-instance', (_event, _argv, _cwd, data) => {
    const launch = parseLaunch(data);
    onLaunch(launch === null ? [] : launchFiles(launch));
  });
  return true;
}
