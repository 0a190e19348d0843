import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { note } from '../support/bpf-helper.ts';
import { commandTarget, readWhole, recorded, specOf, withSymbols } from '../support/capture.ts';
import { useRealHelper } from '../support/real-helper.ts';
import {
  buildWaits,
  countedOf,
  percentile,
  readWaitLog,
  sumOf,
  waitsOf,
} from '../support/waits.ts';

const rig = useRealHelper();
let program = '';
let out = '';
let log = '';

beforeAll(() => {
  program = buildWaits();
});
beforeEach(() => {
  out = join(rig.folder, 'out.ember');
  log = join(rig.folder, 'waits.log');
});

/** Name of the whole disk that a file lies on, as the kernel calls it. */
function diskOf(path: string): string {
  const { dev } = statSync(path);
  // makedev(3): the major's low 12 bits lie above the minor's low 8.
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  const device = realpathSync(`/sys/dev/block/${major}:${minor}`);
  return basename(existsSync(join(device, 'partition')) ? dirname(device) : device);
}

/** Between the program's clock and the device lie the call itself, the wake-up and the queue, ns. */
const CALL_NS = 50_000;
const READS = 500;

describe('block I/O', () => {
  it('times every read of a program by disk and operation, with the code that asked', async () => {
    const spec = specOf(commandTarget(program, log, 'disk', `${READS}`), {
      sources: [{ kind: 'block-io', minNs: 0, detail: 'events' }],
    });
    expect((await recorded(spec, out)).error).toBeNull();
    const { info, delta } = await readWhole(out);
    expect(info.loss.filter(({ reason }) => !reason.startsWith('stack-'))).toEqual([]);
    const tables = withSymbols(delta);
    const [thread] = readWaitLog(log);
    const disk = diskOf(rig.folder);
    const all = waitsOf(tables, 'block-io').filter(({ stack }) => stack.includes('read_block'));
    expect(new Set(all.map(({ series }) => series))).toEqual(new Set([`${disk} read`]));
    const served = all.filter(({ variant }) => variant === '');
    const queued = all.filter(({ variant }) => variant === 'queued');
    expect(served).toHaveLength(READS);
    expect(queued.length === 0 || queued.length === READS).toBe(true);
    expect(served.every(({ stack }) => stack.includes('main'))).toBe(true);

    const seen = thread!.waits.map(({ start, end }) => end - start);
    // One thread, one request at a time: their order is that of the reads.
    const found = served.map(({ value }, index) => value + (queued[index]?.value ?? 0));
    const half = [percentile(seen, 0.5), percentile(found, 0.5)] as const;
    note(`block I/O: ${half[1]} of ${half[0]} ns`);
    expect(half[1]).toBeLessThanOrEqual(half[0]);
    expect(half[0] - half[1]).toBeLessThan(0.03 * half[0] + CALL_NS);
    for (const [index, value] of found.entries()) expect(value).toBeLessThan(seen[index]!);
  });

  it('counts the same in histograms', async () => {
    const spec = specOf(commandTarget(program, log, 'disk', `${READS}`), {
      sources: [{ kind: 'block-io', minNs: 0, detail: 'histogram' }],
    });
    expect((await recorded(spec, out)).error).toBeNull();
    const tables = withSymbols((await readWhole(out)).delta);
    const pid = tables.processes.pid[tables.processes.comm.indexOf('waits')]!;
    const name = `${diskOf(rig.folder)} read`;
    const counted = countedOf(tables, 'block-io', pid, name);
    const isQueued = tables.series.variant.includes('queued');
    // Besides the reads counted here the program reads itself from the disk, once.
    // The kernel may issue a request at once that it otherwise would have queued.
    expect(counted.count).toBeGreaterThanOrEqual(isQueued ? 1.95 * READS : READS);
    expect(counted.count).toBeLessThan((isQueued ? 2 * READS : READS) + 100);
    const examples = waitsOf(tables, 'block-io').filter(({ series }) => series === name);
    const known = examples.filter(({ stack }) => stack.includes('read_block'));
    expect(sumOf(known.map(({ weight }) => weight)) / counted.total).toBeGreaterThan(0.5);
  });
});
