import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type FuzzFailure, type FuzzTotals, inputOf, MAX_RUN_MS } from './fuzzer.ts';
import type { Seed } from './mutate.ts';
import { type FuzzTarget, fuzzTargets } from './targets.ts';
import type { WorkerTask } from './worker.ts';

/**
 * Entry of scripts/fuzz.mjs. Each target runs in a worker with a small heap, in slices: a run that hangs
 * or eats memory ends its worker, is reported, and the next slice goes on behind it.
 */

/** Heap of a worker, MiB: a parser that needs more for inputs of at most 256 KiB is broken. */
const HEAP_MIB = 256;
/** What a worker may still hold after a slice, bytes; the modules and seeds are part of it. */
const MAX_KEPT_BYTES = 96 * 2 ** 20;
const SLICE_RUNS = 100_000;
/** A run that has not ended by then never will, ms. */
const HANG_MS = 20 * MAX_RUN_MS;

type SliceTotals = FuzzTotals & { readonly keptBytes: number };

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', default: '' },
    fixtures: { type: 'string', default: 'test/fixtures/fuzz' },
    worker: { type: 'string', default: join(import.meta.dirname, 'worker.js') },
    failures: { type: 'string', default: '.cache/fuzz' },
  },
});
const seed = Number(values.seed);
const all = fuzzTargets(values.fixtures);
const asked = values.target === '' ? [] : values.target.split(',');
const unknown = asked.filter((name) => !all.some((target) => target.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `unknown: ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}
const targets = asked.length === 0 ? all : all.filter(({ name }) => asked.includes(name));
const perTarget = Math.ceil(Number(values.runs) / targets.length);
let failed = 0;
let total = 0;
const began = performance.now();
for (const target of targets) {
  const totals = await fuzzTarget(target, perTarget);
  total += totals.runs;
  failed += totals.failures.length;
  const rate = totals.runs / (totals.ms / 1000);
  process.stdout.write(
    `${target.name.padEnd(14)} ${String(totals.runs).padStart(9)} runs ${rate.toFixed(0).padStart(8)}/s   slowest ${totals.slowestMs.toFixed(1).padStart(7)} ms   kept ${(totals.keptBytes / 2 ** 20).toFixed(0).padStart(3)} MiB   ${totals.failures.length} failures\n`,
  );
}
process.stdout.write(
  `${total} runs in ${((performance.now() - began) / 1000).toFixed(0)} s, seed ${seed}: ${failed === 0 ? 'no failure' : `${failed} FAILURES`}\n`,
);
process.exitCode = failed === 0 ? 0 : 1;

async function fuzzTarget(target: FuzzTarget, runs: number): Promise<SliceTotals> {
  const seeds = target.seeds();
  const sum = { target: target.name, runs: 0, ms: 0, slowestMs: 0, keptBytes: 0 };
  const failures: FuzzFailure[] = [];
  for (let from = 0; from < runs && failures.length < 20; ) {
    const slice = await runSlice(target, seeds, from, Math.min(runs, from + SLICE_RUNS));
    if (slice.keptBytes > MAX_KEPT_BYTES) {
      const problem = `${(slice.keptBytes / 2 ** 20).toFixed(0)} MiB are still held after ${slice.runs} runs`;
      failures.push({ target: target.name, run: from, problem });
    }
    for (const failure of slice.failures) keep(failure, seeds);
    failures.push(...slice.failures);
    sum.runs += slice.runs;
    sum.ms += slice.ms;
    sum.slowestMs = Math.max(sum.slowestMs, slice.slowestMs);
    sum.keptBytes = Math.max(sum.keptBytes, slice.keptBytes);
    from += Math.max(1, slice.runs);
  }
  return { ...sum, failures };
}

/** Runs a slice in a worker; ends it when a run does not end or the heap is full. */
function runSlice(
  target: FuzzTarget,
  seeds: readonly Seed[],
  from: number,
  to: number,
): Promise<SliceTotals> {
  const progress = new SharedArrayBuffer(4);
  const current = new Int32Array(progress);
  Atomics.store(current, 0, from);
  const workerData: WorkerTask = {
    ...{ fixtures: values.fixtures, target: target.name, seeds, seed, from, to, progress },
  };
  const start = performance.now();
  return new Promise((settle) => {
    const worker = new Worker(values.worker, {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    const end = (problem: string): void => {
      clearInterval(timer);
      void worker.terminate();
      const run = Atomics.load(current, 0);
      const ms = performance.now() - start;
      const failures = [{ target: target.name, run, problem }];
      settle({
        target: target.name,
        runs: run + 1 - from,
        ms,
        slowestMs: ms,
        failures,
        keptBytes: 0,
      });
    };
    let last = from;
    const timer = setInterval(() => {
      const now = Atomics.load(current, 0);
      if (now === last && now !== to - 1) end(`no end after ${HANG_MS} ms`);
      last = now;
    }, HANG_MS);
    worker.once('error', (error) => end(String(error)));
    worker.once('message', (totals: SliceTotals) => {
      clearInterval(timer);
      settle(totals);
    });
  });
}

/** Saves the input that failed and says how to run it again. */
function keep(failure: FuzzFailure, seeds: readonly Seed[]): void {
  mkdirSync(values.failures, { recursive: true });
  const file = join(values.failures, `${failure.target}-${seed}-${failure.run}.bin`);
  writeFileSync(file, inputOf(failure.target, seeds, seed, failure.run));
  process.stdout.write(
    `FAILURE ${failure.target} seed ${seed} run ${failure.run}: ${failure.problem}\n  input: ${file}\n`,
  );
}
