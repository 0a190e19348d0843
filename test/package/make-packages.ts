import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Before all tests: makes the packages whose contents changed, and says what they weigh. */
export function setup(): void {
  const script = join(import.meta.dirname, '..', '..', 'scripts', 'package.mjs');
  execFileSync(process.execPath, [script], { stdio: ['ignore', 2, 2] });
}
