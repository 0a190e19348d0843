import { type ChildProcess, spawn } from 'node:child_process';
import { CLI } from './cli.ts';
import { descendantsOf } from './processes.ts';

/** How the command is started: by root, who hands over to the tests' plain user, or by that user. */
type StartedBy = 'root' | 'user';

/** The plain user without any capability. */
const AS_USER = [
  ...['setpriv', '--reuid=emberscope', '--regid=emberscope', '--init-groups'],
  ...['--inh-caps=-all', '--bounding-set=-all', '--'],
];

/** `emberscope serve` as it is built. */
export class ServedCli implements AsyncDisposable {
  /** As it was printed, key and all. */
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #log: () => string;

  private constructor(address: string, child: ChildProcess, log: () => string) {
    this.address = address;
    this.#child = child;
    this.#log = log;
  }

  static async start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    startedBy: StartedBy = 'root',
  ): Promise<ServedCli> {
    const prefix = startedBy === 'root' ? [] : AS_USER;
    const all = [...prefix, process.execPath, CLI, 'serve', '--user', 'emberscope', ...args];
    const [program = '', ...rest] = all;
    const child = spawn(program, rest, {
      cwd: '/',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    child.stderr.on('data', (part: Buffer) => (log += part.toString()));
    const address = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (part: Buffer) => {
        text += part.toString();
        if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
      });
      child.once('exit', (code) =>
        reject(new Error(`serve ended with ${code ?? 'a signal'}: ${log}`)),
      );
    });
    return new ServedCli(address, child, () => log);
  }

  /** Without the key. */
  get origin(): string {
    return new URL(this.address).origin;
  }

  /** Standard error so far. */
  get log(): string {
    return this.#log();
  }

  /** The server's own process, not root's that waits for it. */
  get serverPid(): number {
    const [pid] = descendantsOf(this.#child.pid ?? 0);
    if (pid === undefined) throw new Error('nobody serves');
    return pid;
  }

  /** Ends it as Ctrl-C or a service manager does; returns its exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    const ended = new Promise<number | null>((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    return await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
