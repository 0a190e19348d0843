import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a recorder to its end without blocking; throws with what it said when it fails. */
export async function finish(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${status ?? 'killed'}: ${errors}`);
  }
}
