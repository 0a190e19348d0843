import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something is so; throws when it is not in time. Unlike expect.poll() it works in hooks, too. */
export async function until(
  isSo: () => boolean,
  what: string,
  { timeoutMs = 20_000, pauseMs = 50 } = {},
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(pauseMs);
  }
}
