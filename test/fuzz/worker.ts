import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from './fuzzer.ts';
import type { Seed } from './mutate.ts';
import { fuzzTargets } from './targets.ts';

/** What a worker is to do; the parent watches `progress` for a run that never ends. */
export interface WorkerTask {
  readonly fixtures: string;
  readonly target: string;
  readonly seeds: readonly Seed[];
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** Number of the run that is under way, one Int32. */
  readonly progress: SharedArrayBuffer;
}

const task = workerData as WorkerTask;
const target = fuzzTargets(task.fixtures).find(({ name }) => name === task.target);
if (target === undefined) throw new Error(`no target ${task.target}`);
const progress = new Int32Array(task.progress);
// Buffers arrive as plain byte arrays.
const seeds = task.seeds.map((seed) => ({ ...seed, bytes: Buffer.from(seed.bytes) }));
const totals = fuzz(target, seeds, {
  ...task,
  onRun: (run) => void Atomics.store(progress, 0, run),
});
globalThis.gc?.();
const { heapUsed, arrayBuffers } = process.memoryUsage();
parentPort?.postMessage({ ...totals, keptBytes: heapUsed + arrayBuffers });
