import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Middle value; of an even number, the lower of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** Fisher-Yates; order of conditions must not follow drift of the machine. */
export function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** Runs to the end and returns standard output. Throws when the command fails. */
export const output = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A recorder in the background: started, given time to attach, ended by SIGINT as a user would. */
export class Background {
  readonly #child: ChildProcess;
  #stderr = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
  }

  static async start(
    command: string,
    args: readonly string[],
    settleMs: number,
  ): Promise<Background> {
    const started = new Background(spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] }));
    await sleep(settleMs);
    return started;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGINT');
      await once(this.#child, 'exit');
    }
    // perf leaves by re-raising SIGINT after a good recording.
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== 0 && signalCode !== 'SIGINT')
      throw new Error(
        `${this.#child.spawnfile} failed (${exitCode ?? signalCode ?? '?'}): ${this.#stderr}`,
      );
  }
}

/** Prints rows as an aligned table under a title. */
export function printTable(title: string, rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('   ');
  process.stdout.write(`\n${title}\n`);
  rows.forEach((row, i) => {
    process.stdout.write(`  ${line(row)}\n`);
    if (i === 0)
      process.stdout.write(`  ${widths.map((width) => '-'.repeat(width)).join('   ')}\n`);
  });
}
