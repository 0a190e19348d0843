import { join, resolve } from 'node:path';
import type { MachineUser } from './machine-user.ts';
import type { Running, ThrowAwayMachine } from './throw-away-machine.ts';
import { until } from './until.ts';

const SCRIPT = join(resolve(import.meta.dirname, '..'), 'fixtures/polkit/scripted-agent.py');

/** What the agent does when polkit asks it: see the script. */
export type Answer = 'dismiss' | 'ignore' | { readonly password: string };

/** A question that polkit had an agent ask. */
export interface Question {
  readonly action: string;
  /** The policy's own words. */
  readonly message: string;
  /** What polkit tells about the program, such as "polkit.caller-pid". */
  readonly details: Readonly<Record<string, string>>;
}

type Event =
  | { readonly event: 'registered' | 'withdrawn' }
  | ({ readonly event: 'asked' } & Question);

/** An authentication agent that answers by a script instead of a person: deterministic, and counts. */
export class ScriptedAgent {
  readonly #child: Running;
  readonly #events: Event[] = [];
  #errors = '';

  private constructor(child: Running) {
    this.#child = child;
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      this.#events.push(...lines.map((line) => JSON.parse(line) as Event));
    });
    child.stderr.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
  }

  /** Registers an agent of that user's for what a process of his asks, or everything in a login session. */
  static async start(
    machine: ThrowAwayMachine,
    user: MachineUser,
    subject: { readonly process: number } | { readonly session: string },
    answer: Answer,
  ): Promise<ScriptedAgent> {
    const [[kind, value] = []] = Object.entries(subject);
    const how = typeof answer === 'string' ? [answer] : ['password', answer.password];
    const agent = new ScriptedAgent(
      machine.start(['/usr/bin/python3', SCRIPT, `${kind}:${value}`, ...how], user),
    );
    await until(() => agent.#has('registered'), 'an agent');
    return agent;
  }

  #has(event: Event['event']): boolean {
    if (this.#child.exitCode !== null) throw new Error(`the agent ended: ${this.#errors}`);
    return this.#events.some((one) => one.event === event);
  }

  /** What it was asked so far. */
  get questions(): readonly Question[] {
    return this.#events.filter((one) => one.event === 'asked');
  }

  /** Waits until it has been asked something. */
  async asked(): Promise<void> {
    await until(() => this.#has('asked'), 'a question');
  }

  /** Waits until a question was taken back: whoever wanted to know does not want to any more. */
  async withdrawn(): Promise<void> {
    await until(() => this.#has('withdrawn'), 'a question taken back');
  }

  /** Logs off. */
  async end(): Promise<void> {
    const ended = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    await ended;
  }
}
