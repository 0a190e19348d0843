import { randomFrom } from '../support/random.ts';
import { mutated, type Seed } from './mutate.ts';
import type { FuzzTarget } from './targets.ts';

/** No input may keep a parser longer, ms. */
export const MAX_RUN_MS = 1000;

export interface FuzzFailure {
  readonly target: string;
  readonly run: number;
  readonly problem: string;
}

export interface FuzzTotals {
  readonly target: string;
  readonly runs: number;
  readonly ms: number;
  /** Longest single run, ms. */
  readonly slowestMs: number;
  readonly failures: readonly FuzzFailure[];
}

export interface FuzzOptions {
  readonly seed: number;
  /** Numbers of the first run and of the one behind the last. */
  readonly from: number;
  readonly to: number;
  /** Called before each run: a watcher sees from it that nothing hangs. */
  readonly onRun?: (run: number) => void;
}

/** Failures kept per target; the first ones tell enough. */
const MAX_FAILURES = 20;

/** The input of one run: a function of seed, target and number, so that it can be made again. */
export function inputOf(target: string, seeds: readonly Seed[], seed: number, run: number): Buffer {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(run + 1, 0xc2b2ae35);
  for (let i = 0; i < target.length; i++)
    mixed = Math.imul(mixed ^ target.charCodeAt(i), 0x01000193);
  return mutated(seeds, randomFrom(mixed));
}

/** Feeds damaged inputs to a parser and counts what it gets wrong. */
export function fuzz(target: FuzzTarget, seeds: readonly Seed[], options: FuzzOptions): FuzzTotals {
  const failures: FuzzFailure[] = [];
  const began = performance.now();
  let slowestMs = 0;
  let run = options.from;
  const fail = (problem: string): void => {
    failures.push({ target: target.name, run, problem });
  };
  for (; run < options.to && failures.length < MAX_FAILURES; run++) {
    options.onRun?.(run);
    const input = inputOf(target.name, seeds, options.seed, run);
    const start = performance.now();
    try {
      target.run(input);
    } catch (error) {
      fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const ms = performance.now() - start;
    slowestMs = Math.max(slowestMs, ms);
    if (ms > MAX_RUN_MS) fail(`took ${ms.toFixed(0)} ms`);
  }
  const ms = performance.now() - began;
  return { target: target.name, runs: run - options.from, ms, slowestMs, failures };
}
