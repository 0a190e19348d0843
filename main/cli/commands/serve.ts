import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenSession } from '#shared/ipc/contract.ts';
import {
  type CaptureSpec,
  DEFAULT_COST_LIMIT,
  DEFAULT_RATE_HZ,
} from '#shared/model/capture-spec.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { printable } from '#shared/text/printable-text.ts';
import { hertz } from '#shared/units.ts';
import { Engine } from '../../engine/engine.ts';
import { PageServer } from '../../serve/server.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { runAs, serveAccount } from '../serve-user.ts';
import { log, out, printError } from '../terminal.ts';
import { VERSION } from '../version.ts';
import { withSession } from '../with-session.ts';

/** The options of `serve` as commander hands them over. */
export interface ServeCommandOptions {
  readonly port: number;
  readonly record?: boolean;
  readonly user?: string;
}

/** Lines about refused requests: who floods us shall not flood the terminal. */
const MAX_REFUSALS_SHOWN = 20;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Serves the window to a browser of this machine until Ctrl-C. */
export async function runServe(
  file: string | null,
  options: ServeCommandOptions,
): Promise<ExitCode> {
  if (file !== null && options.record === true) {
    log.line('emberscope: serve either a FILE or, with --record, what it records');
    return EXIT.usage;
  }
  if (process.geteuid?.() === 0) {
    const account = serveAccount(options.user ?? null);
    if (account.ok) return runAs(account.value);
    log.line(`emberscope: ${printable(account.error)}`);
    return EXIT.permission;
  }
  if (options.user !== undefined && options.user !== userInfo().username) {
    log.line('emberscope: only root can serve as another user');
    return EXIT.permission;
  }
  const path = file === null ? null : resolve(file);
  if (path !== null) {
    const checked = await withSession(path, () => Promise.resolve(ok(null)));
    if (!checked.ok) return printError(checked.error);
  }
  return await serveUntilStopped(path, options);
}

async function serveUntilStopped(
  path: string | null,
  { port, record = false }: ServeCommandOptions,
): Promise<ExitCode> {
  const stopped = Promise.race(SIGNALS.map((signal) => once(process, signal)));
  let server: PageServer | null = null;
  const engine = new Engine({
    dataFolder: null,
    version: VERSION,
    emit: (event) => server?.emit(event),
    // A request from a browser is nobody's to answer with a password on this machine's screen.
    elevate: null,
  });
  try {
    const open = record ? await startRecording(engine) : ok(path);
    if (!open.ok) return open.error;
    const refusals = new Refusals();
    const started = await PageServer.start({
      ...{ port, pageFolder: pageFolder(), engine, open: open.value },
      onRefused: (status, why) => refusals.note(status, why),
    });
    if (!started.ok) {
      log.line(`emberscope: port ${port} cannot be served: ${printable(started.error)}`);
      return EXIT.failed;
    }
    server = started.value;
    announce(server);
    await stopped;
    await server[Symbol.asyncDispose]();
    return EXIT.ok;
  } finally {
    await engine.shutDown();
  }
}

/** Records the whole machine as `record -a` does. The error has been printed. */
async function startRecording(engine: Engine): Promise<Result<string, ExitCode>> {
  const spec: CaptureSpec = {
    sources: [{ kind: 'on-cpu' }],
    target: { kind: 'machine' },
    rate: hertz(DEFAULT_RATE_HZ),
    mode: 'precise',
    includeIdle: false,
    costLimit: DEFAULT_COST_LIMIT,
    kernelStacks: true,
    userStacks: true,
    unwind: 'auto',
    duration: null,
  };
  const answer = await engine.handle({ call: 0, channel: 'capture.start', request: { spec } });
  if (!('result' in answer)) return err(EXIT.failed);
  if (!answer.result.ok) return err(printError(answer.result.error));
  return ok((answer.result.value as OpenSession).path);
}

/** dist/renderer beside this bundle; in an installed app the pages are in its archive, this bundle is not. */
function pageFolder(): string {
  const beside = fileURLToPath(new URL('../renderer', import.meta.url));
  return existsSync(beside) ? beside : beside.replace('/app.asar.unpacked/', '/app.asar/');
}

function announce({ address, port }: PageServer): void {
  out.line(address);
  log.line(
    'Paste this address into a browser on this machine. It holds a key: keep it to yourself.',
  );
  log.line(
    `From another machine: ssh -L ${port}:127.0.0.1:${port} ${printable(hostname())}, and the same address there.`,
  );
  log.line('Ctrl-C ends it; a recording under way is finished first.');
}

/** Says what was refused, and when it stops saying so. */
class Refusals {
  #count = 0;

  note(status: number, why: string): void {
    this.#count++;
    if (this.#count <= MAX_REFUSALS_SHOWN) log.line(`Refused (${status}): ${printable(why)}`);
    if (this.#count === MAX_REFUSALS_SHOWN) log.line('Further refusals are not shown.');
  }
}
