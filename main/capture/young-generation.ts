import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves of the young generation, bytes: from here on it grows no further. */
const ENOUGH_BYTES = 8 << 20;
const GROWTH = { none: '--semi-space-growth-factor=1', usual: '--semi-space-growth-factor=2' };

/**
 * V8 doubles its young generation up to 32 MB as a program allocates, and seldom gives anything back. What a
 * recording allocates dies at once, so a quarter does as well. Undone on dispose; for the whole process.
 */
export class YoungGenerationLimit implements Disposable {
  #isReached = false;

  /** Looks whether it has grown enough by now: some microseconds. */
  check(): void {
    if (this.#isReached) return;
    const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    if (space === undefined || space.space_size < ENOUGH_BYTES) return;
    this.#isReached = true;
    setFlagsFromString(GROWTH.none);
  }

  [Symbol.dispose](): void {
    if (this.#isReached) setFlagsFromString(GROWTH.usual);
    this.#isReached = false;
  }
}
