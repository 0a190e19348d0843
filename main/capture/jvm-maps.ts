import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readlinkSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { textOf } from '../symbolize/process-facts.ts';
import { ownCapabilities } from './privileges.ts';

/** A machine that has compiled more since is asked again after these, ms; then after the last, for ever. */
const PAUSES_MS = [5000, 20_000, 60_000];
/** jcmd starts a machine of its own and waits for the other's next safepoint: it takes up to this, ms. */
const LONGEST_MS = 10_000;
/** At the end of a recording nobody waits longer than this for the last maps, ms. */
const LAST_WAIT_MS = 3000;
/** Where a JDK has the machine that its programs map. */
const LIBJVM = /^.* (\/.*)\/lib\/(?:[^/]+\/)?(?:server|client)\/libjvm\.so$/m;

interface Asked {
  times: number;
  nextMs: number;
}

/**
 * Has running Java machines write the perf maps that name their compiled methods: what the user would type
 * as `jcmd PID Compiler.perfmap` (JDK 17 and newer). Only machines of this very user, in our own mount
 * namespace; one at a time, in a process of its own; one that refuses is left alone.
 */
export class JvmMaps implements Disposable {
  readonly #asked = new Map<number, Asked>();
  #running: { readonly child: ChildProcess; readonly ended: Promise<void> } | null = null;
  #isOver = false;

  /** Asks the first of these processes that is such a machine and whose time has come. Returns at once. */
  ask(pids: Iterable<number>): void {
    if (this.#isOver || this.#running !== null) return;
    const now = performance.now();
    for (const pid of pids) {
      const asked = this.#asked.get(pid) ?? { times: 0, nextMs: 0 };
      if (now < asked.nextMs) continue;
      const jcmd = jcmdFor(pid);
      if (jcmd === null) {
        this.#asked.set(pid, { times: 0, nextMs: Infinity });
        continue;
      }
      const pause = PAUSES_MS[Math.min(asked.times, PAUSES_MS.length - 1)]!;
      this.#asked.set(pid, { times: asked.times + 1, nextMs: now + pause });
      this.#run(jcmd, pid);
      return;
    }
  }

  /** At the end: asks each once more, and waits for a while. */
  async finish(pids: readonly number[]): Promise<void> {
    const over = new AbortController();
    const deadline = delay(LAST_WAIT_MS, undefined, { signal: over.signal }).catch(() => undefined);
    const work = async (): Promise<void> => {
      for (const pid of pids) {
        await this.#running?.ended;
        const asked = this.#asked.get(pid);
        if (asked !== undefined && asked.nextMs !== Infinity) asked.nextMs = 0;
        this.ask([pid]);
      }
      await this.#running?.ended;
    };
    await Promise.race([work(), deadline]);
    over.abort();
    this[Symbol.dispose]();
  }

  #run(jcmd: string, pid: number): void {
    const command = [jcmd, String(pid), 'Compiler.perfmap'];
    // Ambient capabilities pass to every program started.
    const [program = '', ...args] =
      ownCapabilities().ambient === 0n
        ? command
        : ['setpriv', '--inh-caps=-all', '--ambient-caps=-all', '--', ...command];
    const child = spawn(program, args, {
      stdio: 'ignore',
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/' },
      timeout: LONGEST_MS,
      killSignal: 'SIGKILL',
    });
    const ended = new Promise<void>((settle) => {
      const end = (hasWorked: boolean): void => {
        this.#running = null;
        if (!hasWorked) this.#asked.set(pid, { times: 0, nextMs: Infinity });
        settle();
      };
      child.on('error', () => end(false));
      child.on('exit', (status) => end(status === 0));
    });
    this.#running = { child, ended };
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#running?.child.kill('SIGKILL');
  }
}

/** The jcmd that belongs to a machine of ours, else the one on PATH; null: not ours, no machine, or none. */
function jcmdFor(pid: number): string | null {
  if (!isOurs(pid)) return null;
  const home = LIBJVM.exec(textOf(`/proc/${pid}/maps`) ?? '')?.[1];
  if (home === undefined) return null;
  const folders = [join(home, 'bin'), dirname(linkOf(`/proc/${pid}/exe`) ?? '/')];
  folders.push(...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''));
  return folders.map((folder) => join(folder, 'jcmd')).find(isProgram) ?? null;
}

/** Real, effective and saved user are ours, and paths mean the same to both. */
function isOurs(pid: number): boolean {
  const users = /^Uid:\s*(.*)$/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1]?.split(/\s+/);
  const self = String(process.getuid?.());
  if (users?.every((user) => user === self) !== true) return false;
  const theirs = linkOf(`/proc/${pid}/ns/mnt`);
  return theirs !== null && theirs === linkOf('/proc/self/ns/mnt');
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null; // It has ended, or is not ours to look at.
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
