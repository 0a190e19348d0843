import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import {
  addUserScript,
  become,
  environmentOf,
  homeOf,
  type MachineUser,
  rootEnvironment,
} from './machine-user.ts';

/** What a command left behind. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that goes on by itself. */
export type Running = ChildProcessByStdio<Writable, Readable, Readable>;

/** Who runs a program: root, the machine's plain user, or somebody else. */
export type Who = 'root' | 'user' | MachineUser;

/** Folders of which the machine has its own changes; the rest is the real machine's. */
const OWN = ['etc', 'usr', 'opt', 'var', 'run'];
/** The plain user inside. */
const USER = 'ci-user';

/**
 * This machine as a mount namespace of its own sees it: what is installed, added and removed there is gone
 * with it. Processes and the network are the real ones. Needs root.
 */
export class ThrowAwayMachine implements AsyncDisposable {
  readonly #holder: ChildProcess;
  readonly #work: string;
  readonly #started: ChildProcess[] = [];
  #user: MachineUser | null = null;

  private constructor(holder: ChildProcess, work: string) {
    this.#holder = holder;
    this.#work = work;
  }

  static async create(): Promise<ThrowAwayMachine> {
    const work = mkdtempSync(join(tmpdir(), 'emberscope-machine-'));
    const alone = ['unshare', '--mount', '--propagation', 'private'];
    const [program, ...args] = [...alone, '/bin/sh', '-c', holderScript(work)];
    const holder = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const machine = new ThrowAwayMachine(holder, work);
    const [first] = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')])) as [
      unknown,
    ];
    if (String(first).trim() !== 'ready') throw new Error('the throw-away machine did not start');
    machine.#user = machine.addUser(USER);
    return machine;
  }

  /** The plain user. */
  get user(): MachineUser {
    if (this.#user === null) throw new Error('the throw-away machine has no user yet');
    return this.#user;
  }

  addUser(name: string, options: Parameters<typeof addUserScript>[1] = {}): MachineUser {
    this.must(['sh', '-e', '-c', addUserScript(name, options)]);
    const uid = Number(this.must(['id', '--user', name]));
    return { name, uid, home: homeOf(name), entrance: [], env: {} };
  }

  /** A path of the machine, for this process to read. */
  path(inside: string): string {
    return `/proc/${this.#holder.pid ?? 0}/root${inside}`;
  }

  /** Pids of everything that runs in the machine, other than what holds it. */
  processes(): readonly number[] {
    const namespaceOf = (pid: number) => {
      try {
        return readlinkSync(`/proc/${pid}/ns/mnt`);
      } catch {
        return null; // Gone, or a kernel thread's.
      }
    };
    const own = namespaceOf(this.#holder.pid ?? 0);
    const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
    return pids.filter((pid) => pid !== this.#holder.pid && namespaceOf(pid) === own);
  }

  /** An empty folder outside, such as a control group, that is removed when the machine's processes are gone. */
  removeAtEnd(folder: string): void {
    appendFileSync(`/proc/${this.#holder.pid ?? 0}/root${this.#work}/folders`, `${folder}\n`);
  }

  /** Runs a command as root, as the plain user, or as another. */
  run(
    command: readonly string[],
    { asUser = false, input = '' }: { asUser?: boolean | MachineUser; input?: string } = {},
  ): Outcome {
    const who = asUser === false ? 'root' : asUser === true ? 'user' : asUser;
    const [program = '', ...args] = this.inside(command, who);
    const done = spawnSync(program, args, {
      encoding: 'utf8',
      input,
      env: this.#environment(who),
      maxBuffer: 1 << 26,
      timeout: 120_000,
    });
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
  }

  /** As run(), and throws unless it worked; returns standard output. */
  must(
    command: readonly string[],
    options: { asUser?: boolean | MachineUser; input?: string } = {},
  ): string {
    const done = this.run(command, options);
    if (done.status !== 0) {
      throw new Error(`${command.join(' ')}: ${String(done.status)}\n${done.stdout}${done.stderr}`);
    }
    return done.stdout;
  }

  /** Starts a program that goes on by itself and ends with the machine at the latest. */
  start(command: readonly string[], who: Who, env: Readonly<Record<string, string>> = {}): Running {
    const [program = '', ...args] = this.inside(command, who);
    const child = spawn(program, args, {
      env: { ...this.#environment(who), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    // Whoever ends without reading what he is given has had his reason.
    child.stdin.on('error', () => undefined);
    this.#started.push(child);
    return child;
  }

  /** A command as this process starts it inside; the working folder is the machine's root. */
  inside(command: readonly string[], who: Who): readonly string[] {
    const enter = ['nsenter', `--mount=/proc/${this.#holder.pid ?? 0}/ns/mnt`];
    if (who === 'root') return [...enter, ...command];
    return [...enter, ...become(this.#account(who)), ...command];
  }

  #account(who: Exclude<Who, 'root'>): MachineUser {
    return typeof who === 'string' ? this.user : who;
  }

  #environment(who: Who): NodeJS.ProcessEnv {
    return who === 'root' ? rootEnvironment() : environmentOf(this.#account(who));
  }

  /** Gives a user the right to this process's display. */
  shareDisplay(user: MachineUser = this.user): void {
    const cookie = process.env['XAUTHORITY'];
    if (process.env['DISPLAY'] === undefined) {
      throw new Error('There is no display: run `npm test`, or put xvfb-run -a in front.');
    }
    if (cookie === undefined) return;
    const to = `${user.home}/.Xauthority`;
    this.must(['install', '-o', user.name, '-g', user.name, '-m', '0600', cookie, to]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#started) await endGroup(child);
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await ended;
    rmSync(this.#work, { recursive: true, force: true });
  }
}

/**
 * Makes the machine and holds it until its standard input closes: because it is disposed of, or because the
 * tests died. Then it ends whatever still runs in it.
 */
function holderScript(work: string): string {
  const overlays = OWN.map((name) => {
    const [upper, other] = [`${work}/${name}.upper`, `${work}/${name}.work`];
    const layers = `lowerdir=/${name},upperdir=${upper},workdir=${other}`;
    return `mkdir -p ${upper} ${other} && mount -t overlay overlay -o ${layers} /${name}`;
  });
  const bare = (folder: string) =>
    `mkdir -p ${folder} && mount -t tmpfs -o mode=755 tmpfs ${folder}`;
  return [
    'set -e',
    `mount -t tmpfs -o mode=755 tmpfs ${work}`,
    ...overlays,
    // Devices are the real ones, but for what is made anew: the socket of the system's log.
    `mkdir ${work}/dev.upper ${work}/dev.work ${work}/devices && mount --rbind /dev ${work}/devices`,
    `mount -t overlay overlay -o lowerdir=/dev,upperdir=${work}/dev.upper,workdir=${work}/dev.work /dev`,
    `for name in shm pts mqueue; do [ ! -d ${work}/devices/$name ] || mount --rbind ${work}/devices/$name /dev/$name; done`,
    // Neither the real machine's buses nor its login sessions.
    ...['/run/dbus', '/run/systemd'].map(bare),
    'echo ready',
    'cat',
    'set +e',
    `own=$(readlink /proc/$$/ns/mnt | sed 's/[][]/\\\\&/g')`,
    'for link in $(find /proc -mindepth 3 -maxdepth 3 -path "/proc/[0-9]*/ns/mnt" -lname "$own" 2>/dev/null)',
    'do',
    '  pid=${link#/proc/}; pid=${pid%%/*}',
    '  [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null',
    'done',
    // A control group is empty once its processes have been waited for.
    `[ -e ${work}/folders ] || exit 0`,
    `for attempt in 1 2 3 4 5 6 7 8 9 10; do rmdir $(cat ${work}/folders) 2>/dev/null; sleep 0.1; done`,
    'exit 0',
  ].join('\n');
}

/** Ends a process and its children, which are a process group of their own. */
async function endGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  signalGroup(pid, 'SIGTERM');
  const limit = setTimeout(() => {
    signalGroup(pid, 'SIGKILL');
  }, 10_000);
  await ended;
  clearTimeout(limit);
}

/** Not by kill(1): the one of procps 4.0 takes "-12345" for "-1", which is every process there is. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // It has just ended by itself.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** A program's first line of output, or that it ended before. */
export async function firstLine(child: Running): Promise<string> {
  let [text, errors] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${child.spawnargs.join(' ')} ended: ${errors}`);
  });
  while (!text.includes('\n')) await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => undefined);
  return text.slice(0, text.indexOf('\n'));
}
