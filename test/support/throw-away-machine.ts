import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a command left behind. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Folders of which the machine has its own changes; the rest is the real machine's. */
const OWN = ['etc', 'usr', 'opt', 'var'];
/** The plain user inside; it is nobody outside. */
const USER = 'ci-user';
const HOME = `/var/tmp/${USER}`;

/** What a recording needs, as setpriv spells it: what the app has where it was started with capabilities. */
const CAPABLE = '-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search,+syslog';

/**
 * This machine as a mount namespace of its own sees it: what is installed, added and removed there is gone
 * with it. Processes and the network are the real ones. Needs root.
 */
export class ThrowAwayMachine implements AsyncDisposable {
  readonly #holder: ChildProcess;
  readonly #work: string;
  readonly #started: ChildProcess[] = [];

  private constructor(holder: ChildProcess, work: string) {
    this.#holder = holder;
    this.#work = work;
  }

  static async create(): Promise<ThrowAwayMachine> {
    const work = mkdtempSync(join(tmpdir(), 'emberscope-machine-'));
    const overlays = OWN.map(
      (name) =>
        `mkdir -p ${work}/${name}.upper ${work}/${name}.work && mount -t overlay overlay -o lowerdir=/${name},upperdir=${work}/${name}.upper,workdir=${work}/${name}.work /${name}`,
    );
    const script = [
      'set -e',
      `mount -t tmpfs -o mode=755 tmpfs ${work}`,
      ...overlays,
      'mkdir -p /run/dbus && mount -t tmpfs -o mode=755 tmpfs /run/dbus',
      `useradd --create-home --home-dir ${HOME} --shell /bin/sh ${USER}`,
      `install -d -o ${USER} -g ${USER} -m 0700 ${HOME}/runtime`,
      'echo ready',
      'exec cat',
    ].join('\n');
    const alone = ['unshare', '--mount', '--propagation', 'private'];
    const [program, ...args] = [...alone, '/bin/sh', '-c', script];
    const holder = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const machine = new ThrowAwayMachine(holder, work);
    const [first] = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')])) as [
      unknown,
    ];
    if (String(first).trim() !== 'ready') throw new Error('the throw-away machine did not start');
    return machine;
  }

  /** The user's name, home and the id that files of it have. */
  get user(): { readonly name: string; readonly home: string } {
    return { name: USER, home: HOME };
  }

  /** A path of the machine, for this process to read. */
  path(inside: string): string {
    return `/proc/${this.#holder.pid ?? 0}/root${inside}`;
  }

  /** Runs a command as root, or as the plain user. */
  run(command: readonly string[], { asUser = false, input = '' } = {}): Outcome {
    const [program = '', ...args] = this.#inside(command, asUser ? 'user' : 'root');
    const done = spawnSync(program, args, {
      encoding: 'utf8',
      input,
      env: this.#environment(asUser),
      maxBuffer: 1 << 26,
      timeout: 120_000,
    });
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
  }

  /** As run(), and throws unless it worked; returns standard output. */
  must(command: readonly string[], options: { asUser?: boolean; input?: string } = {}): string {
    const done = this.run(command, options);
    if (done.status !== 0) {
      throw new Error(`${command.join(' ')}: ${String(done.status)}\n${done.stdout}${done.stderr}`);
    }
    return done.stdout;
  }

  /** Starts a program that goes on by itself and ends with the machine at the latest. */
  start(
    command: readonly string[],
    who: 'root' | 'user' | 'capable',
    env: Readonly<Record<string, string>> = {},
  ): ChildProcess {
    const [program = '', ...args] = this.#inside(command, who);
    const child = spawn(program, args, {
      env: { ...this.#environment(who !== 'root'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#started.push(child);
    return child;
  }

  /** The working folder is the machine's root. */
  #inside(command: readonly string[], who: 'root' | 'user' | 'capable'): readonly string[] {
    const enter = ['nsenter', `--mount=/proc/${this.#holder.pid ?? 0}/ns/mnt`];
    if (who === 'root') return [...enter, ...command];
    const become = [`--reuid=${USER}`, `--regid=${USER}`, '--init-groups'];
    const kept = who === 'capable' ? CAPABLE : '-all';
    const rights = [`--inh-caps=${kept}`, `--ambient-caps=${kept}`];
    return [...enter, 'setpriv', ...become, ...rights, ...command];
  }

  #environment(asUser: boolean): NodeJS.ProcessEnv {
    const plain = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };
    if (!asUser) return { ...plain, HOME: '/root', DEBIAN_FRONTEND: 'noninteractive' };
    return {
      ...plain,
      ...{ HOME, USER, LOGNAME: USER, SHELL: '/bin/sh', XDG_RUNTIME_DIR: `${HOME}/runtime` },
      DISPLAY: process.env['DISPLAY'],
      ...(process.env['XAUTHORITY'] === undefined ? {} : { XAUTHORITY: `${HOME}/.Xauthority` }),
    };
  }

  /** Gives the user the right to this process's display. */
  shareDisplay(): void {
    const cookie = process.env['XAUTHORITY'];
    if (process.env['DISPLAY'] === undefined) {
      throw new Error('There is no display: run `npm test`, or put xvfb-run -a in front.');
    }
    if (cookie === undefined) return;
    const to = `${HOME}/.Xauthority`;
    this.must(['install', '-o', USER, '-g', USER, '-m', '0600', cookie, to]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#started) await endGroup(child);
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await ended;
    rmSync(this.#work, { recursive: true, force: true });
  }
}

/** Ends a process and its children, which are a process group of their own. */
async function endGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  // Not kill(1): the one of procps 4.0 takes "-12345" for "-1", which is every process there is.
  process.kill(-pid, 'SIGTERM');
  const limit = setTimeout(() => {
    process.kill(-pid, 'SIGKILL');
  }, 10_000);
  await ended;
  clearTimeout(limit);
}
