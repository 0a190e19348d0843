import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { ok } from '#shared/result.ts';
import { printable } from '#shared/text/printable-text.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { log, printError } from '../terminal.ts';
import { withSession } from '../with-session.ts';

/** Set by the launcher: how the desktop app is started, a JSON array of program and arguments. */
const APP_COMMAND = 'EMBERSCOPE_APP_COMMAND';
/** An app that cannot start says so within this time. */
const START_WAIT_MS = 2000;

/** Checks the session, then hands it to the desktop app, which lives on by itself. */
export async function runOpen(path: string): Promise<ExitCode> {
  const file = resolve(path);
  const checked = await withSession(file, () => Promise.resolve(ok(null)));
  if (!checked.ok) return printError(checked.error);
  const command = appCommand();
  if (command === null) {
    log.line('emberscope: the desktop app is not part of this installation');
    log.line(`  In a checkout: npm start -- ${printable(file)}`);
    log.line(`  Without it: emberscope report ${printable(file)}`);
    return EXIT.failed;
  }
  return await startApp([...command, file]);
}

function appCommand(): readonly string[] | null {
  const text = process.env[APP_COMMAND] ?? '';
  if (text === '') return null;
  try {
    const argv: unknown = JSON.parse(text);
    if (Array.isArray(argv) && argv.length > 0 && argv.every((part) => typeof part === 'string')) {
      return argv;
    }
  } catch (cause) {
    log.line(`emberscope: ${APP_COMMAND} is no JSON: ${printable(String(cause))}`);
    return null;
  }
  log.line(`emberscope: ${APP_COMMAND} must be a JSON array of texts`);
  return null;
}

function startApp(argv: readonly string[]): Promise<ExitCode> {
  const [program = '', ...rest] = argv;
  return new Promise((resolveCode) => {
    const app = spawn(program, rest, { detached: true, stdio: ['ignore', 'ignore', 'inherit'] });
    const waiting = setTimeout(() => {
      app.unref();
      resolveCode(EXIT.ok);
    }, START_WAIT_MS);
    const failed = (why: string): void => {
      clearTimeout(waiting);
      log.line(`emberscope: the desktop app did not start: ${printable(why)}`);
      resolveCode(EXIT.failed);
    };
    app.once('error', (error) => failed(error.message));
    app.once('exit', (code, signal) => {
      clearTimeout(waiting);
      // A second instance hands its file to the first one and ends well at once.
      if (code === 0) resolveCode(EXIT.ok);
      else failed(signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`);
    });
  });
}
