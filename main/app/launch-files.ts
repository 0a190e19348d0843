import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a second instance hands to the first. Comes from another process: untrusted. */
export interface Launch {
  /** Arguments after the program, and after the app's folder in a checkout. */
  readonly args: readonly string[];
  readonly cwd: string;
}

/** Most files taken from one command line; more is a mistake of a shell pattern. */
const MAX_FILES = 16;

/**
 * Session files named on a command line, as absolute paths. File managers pass file:// URLs, shells
 * pass paths; switches are Chromium's or Electron's. An unusable URL, or one of another scheme (sftp://), is
 * kept as text, so that opening it fails with a message instead of silently doing nothing.
 */
export function launchFiles({ args, cwd }: Launch): readonly string[] {
  const separator = args.indexOf('--');
  const switches = separator === -1 ? args : args.slice(0, separator);
  const verbatim = separator === -1 ? [] : args.slice(separator + 1);
  const named = [...switches.filter((arg) => !arg.startsWith('-')), ...verbatim];
  return named
    .filter((arg) => arg !== '')
    .slice(0, MAX_FILES)
    .map((arg) => toPath(arg, cwd));
}

/**
 * The arguments meant for us. An Electron from a checkout (`electron --switch FOLDER FILE`) has the
 * app's folder as its first argument that is no switch; an installed app has none.
 */
export function ownArguments(argv: readonly string[], inCheckout: boolean): readonly string[] {
  if (!inCheckout) return argv.slice(1);
  const folder = argv.findIndex((arg, index) => index > 0 && !arg.startsWith('-'));
  return folder === -1 ? [] : argv.slice(folder + 1);
}

function toPath(argument: string, cwd: string): string {
  if (!/^[a-z][a-z\d+.-]*:\/\//i.test(argument)) return resolve(cwd, argument);
  if (!/^file:/i.test(argument)) return argument;
  return URL.canParse(argument) ? pathOfUrl(argument) : argument;
}

/** file://other-host/ and encoded slashes have no path here. */
function pathOfUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    if (error instanceof TypeError) return url;
    throw error;
  }
}

/** Checks what another process sent; null when it is not a Launch. */
export function parseLaunch(data: unknown): Launch | null {
  if (typeof data !== 'object' || data === null) return null;
  const { args, cwd } = data as { args?: unknown; cwd?: unknown };
  if (typeof cwd !== 'string' || !Array.isArray(args)) return null;
  if (!args.every((arg): arg is string => typeof arg === 'string')) return null;
  return { args, cwd };
}
