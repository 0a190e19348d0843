import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import type { HelperScope } from '#shared/model/helper-scope.ts';
import { spawnPkexec } from '../elevate/pkexec.ts';

/** What the engine asks; main/engine/parent-elevation.ts is its side. */
export type ElevationRequest =
  | {
      readonly type: 'elevate';
      readonly call: number;
      readonly scope: HelperScope;
      /** Holds the FIFOs `in` and `out`, which the engine has open. */
      readonly folder: string;
    }
  | {
      readonly type: 'elevated-kill';
      readonly call: number;
      readonly signal: 'SIGTERM' | 'SIGKILL';
    };

/** Of a program's standard error, characters: its last words matter. */
const KEPT_STDERR = 4000;

/**
 * Runs pkexec for the engine. It has to be this process: polkit judges whoever starts pkexec, and keeps
 * an authorization for that process alone.
 */
export class ElevatedHelpers {
  readonly #tell: (message: unknown) => void;
  readonly #children = new Map<number, ChildProcess>();

  /** `tell`: to the engine that asked. */
  constructor(tell: (message: unknown) => void) {
    this.#tell = tell;
  }

  handle(request: ElevationRequest): void {
    if (request.type === 'elevate') this.#start(request);
    else this.#children.get(request.call)?.kill(request.signal);
  }

  /** The engine is gone, and nobody is left for whom to ask; helpers end by their closed pipes. */
  withdraw(): void {
    for (const child of this.#children.values()) child.kill('SIGTERM');
  }

  #start({ call, scope, folder }: Extract<ElevationRequest, { type: 'elevate' }>): void {
    const child = startBetween(folder, scope);
    if (typeof child === 'string') {
      this.#tell({
        ...{ type: 'elevated', call, state: 'ended', code: null, signal: null, stderr: child },
      });
      return;
    }
    this.#children.set(call, child);
    let stderr = '';
    child.stderr?.setEncoding('utf8');
    child.stderr?.on('data', (text: string) => {
      stderr = (stderr + text).slice(-KEPT_STDERR);
    });
    // Told as an end, too: with what could not be started or signalled.
    child.on('error', (error) => {
      stderr = `${stderr}\n${error.message}`;
    });
    child.once('close', (code, signal) => {
      this.#children.delete(call);
      this.#tell({ type: 'elevated', call, state: 'ended', code, signal, stderr });
    });
    this.#tell({ type: 'elevated', call, state: 'started', pid: child.pid ?? 0 });
  }
}

/**
 * pkexec with the FIFOs as its standard streams, or why not; neither open waits, as the engine holds the
 * other ends.
 */
function startBetween(folder: string, scope: HelperScope): ChildProcess | string {
  const opened: number[] = [];
  try {
    opened.push(openSync(join(folder, 'in'), constants.O_RDONLY));
    opened.push(openSync(join(folder, 'out'), constants.O_WRONLY));
    return spawnPkexec(scope, [...opened, 'pipe']);
  } catch (error) {
    // The engine may have ended meanwhile, and its folder with it.
    if (error instanceof Error && 'code' in error) return error.message;
    throw error;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}
