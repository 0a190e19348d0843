import type { ProfilerError } from '#shared/errors.ts';

/**
 * What only a bug can throw, as an error for whoever waits for an answer. Where it was thrown goes
 * to standard error: a report needs it.
 */
export function internalError(thrown: unknown): ProfilerError {
  const where = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.stderr.write(`${where}\n`);
  return { kind: 'internal-error', detail: String(thrown) };
}
