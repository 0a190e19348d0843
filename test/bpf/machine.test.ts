import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionInfo } from '../../main/shared/model/session-info.ts';
import { lostSamples } from '../../main/shared/text/loss-text.ts';
import { buildCli, runCli, WORKLOAD } from '../support/cli.ts';

const SECONDS = 10;
/** Ours and perf's samples per second may differ by this share. */
const TOLERANCE = 0.03;

/** perf's samples, the idle task's too. `perf script` aborts on this machine's notes; this does not. */
function perfSamples(file: string): number {
  const stats = execFileSync('perf', ['report', '--stats', '-i', file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return Number(/SAMPLE events:\s+(\d+)/.exec(stats)?.[1]);
}

describe('record -a', () => {
  let folder = '';
  beforeAll(() => {
    buildCli();
    folder = mkdtempSync(join(tmpdir(), 'emberscope-machine-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([99, 999])(
    'loses nothing at %i Hz on busy CPUs and takes as many samples as perf record',
    async (rate) => {
      const load = spawn(WORKLOAD, ['0', String(availableParallelism())], { stdio: 'ignore' });
      try {
        const file = join(folder, `${rate}.ember`);
        const perfFile = join(folder, `${rate}.data`);
        const perf = spawn(
          'perf',
          [
            ...['record', '-q', '-a', '-g', '-e', 'cpu-clock', '-F', String(rate)],
            // perf 6.1 may abort while it collects the build ids of what ran.
            ...['--no-buildid', '--no-bpf-event', '-o', perfFile, '--', 'sleep', String(SECONDS)],
          ],
          { stdio: 'ignore' },
        );
        const perfEnded = once(perf, 'exit');
        const args = ['record', '-a', '-F', String(rate), '-d', String(SECONDS), '-o', file];
        const ours = await runCli([...args, '--json']);
        expect(await perfEnded).toEqual([0, null]);
        expect(ours.status, ours.stderr).toBe(0);
        const { info } = JSON.parse(ours.stdout) as { readonly info: SessionInfo };
        expect(lostSamples(info.loss)).toBe(0);
        // The load leaves next to nothing to the idle task; what there is counts on both sides.
        const perSecond = (info.sampleCount + info.idleSamples) / (info.duration / 1e9);
        const perfPerSecond = perfSamples(perfFile) / SECONDS;
        process.stdout.write(
          `${rate} Hz: ${perSecond.toFixed(1)} samples/s, perf record ${perfPerSecond.toFixed(1)}\n`,
        );
        expect(Math.abs(perSecond / perfPerSecond - 1)).toBeLessThan(TOLERANCE);
        // Two recorders and the load keep every CPU busy: the nominal rate is the truth.
        expect(perSecond / (rate * availableParallelism())).toBeGreaterThan(1 - TOLERANCE);
      } finally {
        load.kill('SIGKILL');
      }
    },
  );
});
