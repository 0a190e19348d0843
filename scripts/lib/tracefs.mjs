import { existsSync } from 'node:fs';
import { capture } from './run.mjs';
import { say } from './say.mjs';

const FOLDER = '/sys/kernel/tracing';

/**
 * Mounts tracefs where nobody did, as in bare virtual machines: tracepoints are looked up there, by
 * perf too. It stays mounted.
 */
export function ensureTracefs() {
  if (process.getuid?.() !== 0 || existsSync(`${FOLDER}/events`)) return;
  const { status, stderr } = capture('mount', ['-t', 'tracefs', 'tracefs', FOLDER]);
  say(status === 0 ? `✓ tracefs mounted on ${FOLDER}` : `✗ tracefs: ${stderr.trim()}`);
}
