import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { Elevate, HelperProcess } from '../capture/helper-process.ts';
import { outcomeOf, type ProcessEnd } from '../elevate/outcome.ts';

/**
 * Helpers that this process's parent has started for it. polkit judges and remembers the process that
 * runs pkexec: that is to be the app's main process, which outlives an engine. The helper's pipes are
 * two FIFOs, so its bytes never pass through there.
 */
export class ParentElevation {
  readonly #send: (message: unknown) => void;
  readonly #calls = new Map<number, Call>();
  #lastCall = 0;

  /** `send`: to the parent; its answers are handed to receive(). */
  constructor(send: (message: unknown) => void) {
    this.#send = send;
  }

  readonly elevate: Elevate = (scope) => {
    const pipes = tryToMakePipes();
    if (!pipes.ok) return Promise.resolve(pipes);
    const call = ++this.#lastCall;
    return new Promise((settle) => {
      this.#calls.set(call, { pipes: pipes.value, settle, ended: null });
      this.#send({ type: 'elevate', call, scope, folder: pipes.value.folder });
    });
  };

  receive(message: ElevationMessage): void {
    const call = this.#calls.get(message.call);
    if (call === undefined) return;
    if (message.state === 'started') {
      call.settle(ok(this.#process(message.call, message.pid, call)));
      return;
    }
    this.#calls.delete(message.call);
    const { code, signal, stderr } = message;
    if (call.ended !== null) {
      call.ended({ code, signal, stderr });
      return;
    }
    call.pipes.discard();
    call.settle(err(outcomeOf({ code, signal, stderr })));
  }

  #process(id: number, pid: number, call: Call): HelperProcess {
    const { input, output } = call.pipes.connect();
    const ended = new Promise<ProcessEnd>((settle) => (call.ended = settle));
    const read = new Promise<void>((settle) => output.once('close', settle));
    return {
      ...{ way: 'polkit', pid, input, output },
      closed: Promise.all([ended, read]).then(([end]) => end),
      kill: (signal) => this.#send({ type: 'elevated-kill', call: id, signal }),
    };
  }
}

/** What the parent tells of a call: started, unless that failed, then ended; each once. */
export type ElevationMessage =
  | { readonly call: number; readonly state: 'started'; readonly pid: number }
  | ({ readonly call: number; readonly state: 'ended' } & ProcessEnd);

interface Call {
  readonly pipes: Pipes;
  readonly settle: (result: Result<HelperProcess, ProfilerError>) => void;
  ended: ((end: ProcessEnd) => void) | null;
}

/** Two FIFOs in a folder of this user's alone: `in` and `out`, as the helper sees them. */
interface Pipes {
  readonly folder: string;
  /** Once the other side has opened both; the folder is gone afterwards. */
  connect(): { input: Socket; output: Socket };
  /** If there never will be another side. */
  discard(): void;
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;

function tryToMakePipes(): Result<Pipes, ProfilerError> {
  try {
    return ok(makePipes());
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const detail = `no pipes for the helper: ${error.message}`;
    return err({ kind: 'helper-lost', exitCode: null, signal: null, detail });
  }
}

function makePipes(): Pipes {
  const folder = mkdtempSync(join(process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), 'emberscope-'));
  const [toHelper, fromHelper] = [join(folder, 'in'), join(folder, 'out')];
  execFileSync('mkfifo', ['-m', '600', toHelper, fromHelper]);
  // No open of a FIFO waits that finds the other end open, fifo(7): this one stands in for both.
  const holder = openSync(toHelper, O_RDWR | O_NONBLOCK);
  const readable = openSync(fromHelper, O_RDONLY | O_NONBLOCK);
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  return {
    folder,
    discard: () => {
      closeSync(holder);
      closeSync(readable);
      removeFolder();
    },
    connect: () => {
      const writable = openSync(toHelper, O_WRONLY | O_NONBLOCK);
      closeSync(holder);
      removeFolder();
      return {
        input: new Socket({ fd: writable, readable: false, writable: true }),
        output: new Socket({ fd: readable, readable: true, writable: false }),
      };
    },
  };
}
