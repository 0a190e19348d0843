import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import { decodeDelta, encodeDelta } from '../../main/shared/model/table-codec.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import type { SyntheticOptions } from './synthetic-session.ts';
import { writeSyntheticSession } from './synthetic-session.ts';

/** A million samples with the shape of a real recording. */
export const MILLION: SyntheticOptions = {
  ...{ samples: 1_000_000, stacks: 300_000, functions: 20_000, threads: 16, seed: 1 },
};

export interface StoreFigures {
  readonly samples: number;
  readonly stackRows: number;
  /** Through SessionWriter, totals and stacks included. */
  readonly samplesPerSecondWritten: number;
  readonly fileBytes: number;
  readonly bytesPerSample: number;
  /** SessionReader.open, ms. */
  readonly openMs: number;
  /** One delta from the empty cursor, ms; `readMs` is the median of the runs. */
  readonly readMs: number;
  /** Longest time the event loop stood still while reading, ms. */
  readonly longestPauseMs: number;
  /** encodeDelta and decodeDelta, ms, and the bytes between them. */
  readonly encodeMs: number;
  readonly decodeMs: number;
  readonly transferBytes: number;
}

/** Writes, opens, reads and transfers a synthetic session; for the bench runner. */
export async function measureStore(
  options: SyntheticOptions = MILLION,
  runs = 5,
): Promise<StoreFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'emberscope-bench-'));
  const path = join(folder, 'bench.ember');
  try {
    const { samples, stackRows, writeMs } = await writeSyntheticSession(path, options);
    const { size } = await stat(path);
    return {
      ...{ samples, stackRows, fileBytes: size, bytesPerSample: size / samples },
      samplesPerSecondWritten: (samples / writeMs) * 1000,
      ...(await measureReading(path, runs)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type ReadFigures = Pick<
  StoreFigures,
  'openMs' | 'readMs' | 'longestPauseMs' | 'encodeMs' | 'decodeMs' | 'transferBytes'
>;

async function measureReading(path: string, runs: number): Promise<ReadFigures> {
  const readings: ReadFigures[] = [];
  for (let run = 0; run < runs; run++) readings.push(await readOnce(path));
  readings.sort((a, b) => a.readMs - b.readMs);
  return readings[Math.floor(readings.length / 2)]!;
}

async function readOnce(path: string): Promise<ReadFigures> {
  const start = performance.now();
  const opened = await SessionReader.open(path);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  const { reader } = opened.value;
  const openMs = performance.now() - start;
  const pauses = watchPauses();
  const before = performance.now();
  const delta = await reader.delta(EMPTY_CURSOR);
  const readMs = performance.now() - before;
  const longestPauseMs = pauses.stop();
  await reader.close();
  if (!delta.ok) throw new Error(JSON.stringify(delta.error));
  const encodeStart = performance.now();
  const bytes = encodeDelta(delta.value);
  const encodeMs = performance.now() - encodeStart;
  const decodeStart = performance.now();
  decodeDelta(bytes);
  const decodeMs = performance.now() - decodeStart;
  return { openMs, readMs, longestPauseMs, encodeMs, decodeMs, transferBytes: bytes.length };
}

/** Times the gaps between turns of the event loop. */
function watchPauses(): { readonly stop: () => number } {
  let last = performance.now();
  let longest = 0;
  let running = true;
  const turn = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    stop: () => {
      running = false;
      return Math.max(longest, performance.now() - last);
    },
  };
}
