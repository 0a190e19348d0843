import { describe, expect, it } from 'vitest';

import { SessionIngest } from '../../../main/capture/session-ingest.ts';
import { IMAGE_KINDS } from '../../../main/shared/model/session-tables.ts';
import type { SessionBatch } from '../../../main/store/session-batch.ts';
import { execFact, forkFact, mappingFact, processFact } from '../../support/facts.ts';
import { ON_CPU } from '../../support/on-cpu.ts';
import { packRawSamples, type RawSample } from '../../support/raw-samples.ts';

/** Uptime of 200 days: more ns than a double holds. */
const START = 200n * 86_400n * 1_000_000_000n + 7n;
const at = (ns: number): bigint => START + BigInt(ns);

const ingestOf = (buildId = ''): SessionIngest =>
  new SessionIngest([{ row: ON_CPU, hasSeries: false }], START.toString(), {
    buildIdOf: () => buildId,
    nameOf: () => ({ name: '', variant: '' }),
  });

const NOTHING_ELSE = {
  loss: new Map<string, number>(),
  cost: null,
  found: {
    ...{ functions: [], sourceFiles: [], imageProblems: new Map<number, string>() },
    symbols: { frame: [], depth: [], function: [], file: [], line: [] },
  },
};

function batchOf(ingest: SessionIngest, samples: readonly RawSample[]): SessionBatch {
  ingest.addSamples(packRawSamples(samples));
  ingest.applyFactsUntil(Infinity);
  return ingest.takeBatch(NOTHING_ELSE);
}

/** Stacks of a batch's samples as "image+offset;image+offset", root first. */
function stacksOf(batch: SessionBatch): string[] {
  const { images, frames, stacks, samples } = batch;
  return [...samples[0]!.stack].map((leaf) => {
    const path: string[] = [];
    for (let node = leaf; node >= 0; node = stacks.parent[node]!) {
      const frame = stacks.frame[node]!;
      path.unshift(`${images[frames.image[frame]!]!.path}+${frames.offset[frame]!.toString(16)}`);
    }
    return path.join(';');
  });
}

const kernel = {
  locate: (_: number, low: number) => ({
    image: low >= 0xc000_0000 ? 'ext4' : '[kernel]',
    offset: low & 0xff_ffff,
  }),
  symbolAt: () => null,
};

describe('SessionIngest', () => {
  it('turns addresses into file offsets, root first, callers inside their call', () => {
    const ingest = ingestOf();
    ingest.addFacts([
      processFact(10, 'app', -1e9),
      { ...mappingFact(10, 0x5000_0000_1000, 0x5000_0000_9000, '/bin/app'), fileOffset: 0x200 },
    ]);
    const user = [0x5000_0000_1010n, 0x5000_0000_1020n, 0x5000_0000_1030n];
    const batch = batchOf(ingest, [{ timeNs: at(5), pid: 10, user }]);
    expect(stacksOf(batch)).toEqual(['/bin/app+22f;/bin/app+21f;/bin/app+210']);
    expect([...batch.samples[0]!.time]).toEqual([5]);
  });

  it('puts the kernel stack below the user stack', () => {
    const ingest = ingestOf();
    ingest.useKernel(kernel);
    ingest.addFacts([processFact(10, 'app', 0), mappingFact(10, 0x1000, 0x2000, '/bin/app')]);
    const batch = batchOf(ingest, [
      {
        timeNs: at(5),
        pid: 10,
        kernel: [0xffff_ffff_c000_0040n, 0xffff_ffff_8100_0021n],
        user: [0x1010n],
      },
    ]);
    expect(stacksOf(batch)).toEqual(['/bin/app+10;[kernel]+20;ext4+40']);
    expect(batch.frames.kind).toEqual([0, 1, 1]);
  });

  it('keeps whole kernel addresses until there is a symbol table, and places later ones', () => {
    const ingest = ingestOf();
    const sample = { timeNs: at(5), pid: 10, kernel: [0xffff_ffff_8100_0020n] };
    const early = batchOf(ingest, [sample]);
    expect(stacksOf(early)).toEqual(['[kernel]+1fffff81000020']);
    expect(early.images).toMatchObject([{ path: '[kernel]', fileIdentity: 'early' }]);
    ingest.useKernel(kernel);
    const late = batchOf(ingest, [sample]);
    expect(late.images).toMatchObject([{ path: '[kernel]', fileIdentity: '' }]);
    expect(late.frames.offset).toEqual([0x20]);
  });

  it('places a kernel address below all symbols nowhere, under a number a file can hold', () => {
    const ingest = ingestOf();
    ingest.useKernel({
      locate: () => ({ image: '[kernel]', offset: -0x1000 }),
      symbolAt: () => null,
    });
    const batch = batchOf(ingest, [{ timeNs: at(5), pid: 10, kernel: [0xffff_8881_0000_0040n] }]);
    expect(stacksOf(batch)).toEqual(['[unknown]+1f888100000040']);
    expect(Number.isSafeInteger(batch.frames.offset[0])).toBe(true);
  });

  it('judges each sample by the mappings of its own moment', () => {
    const ingest = ingestOf();
    ingest.addFacts([
      processFact(10, 'sh', -1e9),
      mappingFact(10, 0x1000, 0x2000, '/bin/sh'),
      execFact(10, 'ls', '/bin/ls', 100),
      mappingFact(10, 0x1000, 0x2000, '/bin/ls', 110),
    ]);
    const user = [0x1010n];
    const batch = batchOf(ingest, [
      { timeNs: at(50), pid: 10, user },
      { timeNs: at(150), pid: 10, user },
    ]);
    expect(stacksOf(batch)).toEqual(['/bin/sh+10', '/bin/ls+10']);
  });

  it('gives a child that has not called exec the mappings of its parent', () => {
    const ingest = ingestOf();
    ingest.addFacts([
      processFact(10, 'sh', -1e9),
      mappingFact(10, 0x1000, 0x2000, '/bin/sh'),
      forkFact(11, 10, 100),
    ]);
    const batch = batchOf(ingest, [{ timeNs: at(150), pid: 11, user: [0x1010n] }]);
    expect(stacksOf(batch)).toEqual(['/bin/sh+10']);
    expect(batch.processes.map(({ pid }) => pid)).toEqual([10, 11]);
  });

  it('makes one image of a file known by inode here and by build id there', () => {
    const ingest = ingestOf('abcd');
    ingest.addFacts([
      processFact(10, 'a', -1e9),
      { ...mappingFact(10, 0x1000, 0x2000, '/lib/libc.so'), inode: 'fe:0:99' },
      processFact(11, 'b', -1e9),
      { ...mappingFact(11, 0x7000, 0x8000, '/lib/libc.so'), buildId: 'abcd' },
    ]);
    const batch = batchOf(ingest, [
      { timeNs: at(1), pid: 10, user: [0x1010n] },
      { timeNs: at(2), pid: 11, user: [0x7010n] },
    ]);
    expect(batch.images.map(({ path, buildId }) => `${path} ${buildId}`)).toEqual([
      '/lib/libc.so abcd',
    ]);
    expect(batch.samples[0]!.stack[0]).toBe(batch.samples[0]!.stack[1]);
  });

  it('keeps generated code of each process apart', () => {
    const ingest = ingestOf();
    for (const pid of [10, 11]) {
      ingest.addFacts([processFact(pid, 'node', -1e9), mappingFact(pid, 0x1000, 0x2000, '//anon')]);
    }
    const batch = batchOf(ingest, [
      { timeNs: at(1), pid: 10, user: [0x1010n] },
      { timeNs: at(2), pid: 11, user: [0x1010n] },
    ]);
    expect(batch.images).toMatchObject([
      { kind: IMAGE_KINDS.indexOf('jit'), path: '[jit]', fileIdentity: 'pid:10' },
      { kind: IMAGE_KINDS.indexOf('jit'), path: '[jit]', fileIdentity: 'pid:11' },
    ]);
  });

  it('keeps addresses without a mapping, and numbers that are no address', () => {
    const ingest = ingestOf();
    const user = [0x1234n, 0x4141_4141_4141_4142n, 0xffff_ffff_ffff_fff1n];
    const batch = batchOf(ingest, [{ timeNs: at(1), pid: 10, user }]);
    expect(stacksOf(batch)).toEqual(['[unknown]+0;[unknown]+0;[unknown]+1234']);
  });

  it('keeps a sample without any stack', () => {
    const batch = batchOf(ingestOf(), [{ timeNs: at(1), pid: 10, tid: 12, cpu: 3, weight: 4 }]);
    expect([
      batch.samples[0]!.stack[0],
      batch.samples[0]!.cpu[0],
      batch.samples[0]!.weight[0],
    ]).toEqual([-1, 3, 4]);
    expect(batch.threads).toEqual([{ process: 0, tid: 12, comm: 'pid 10' }]);
  });

  it('stores only mappings that samples fell into', () => {
    const ingest = ingestOf();
    ingest.addFacts([
      processFact(10, 'app', 0),
      mappingFact(10, 0x1000, 0x2000, '/bin/app'),
      mappingFact(10, 0x3000, 0x4000, '/lib/unused.so'),
    ]);
    const batch = batchOf(ingest, [
      { timeNs: at(1), pid: 10, user: [0x1010n] },
      { timeNs: at(2), pid: 10, user: [0x1050n] },
    ]);
    expect(batch.mappings.map(({ startAddress }) => startAddress)).toEqual(['1000']);
  });

  it('gives rows of a later batch the ids that follow', () => {
    const ingest = ingestOf();
    ingest.addFacts([processFact(10, 'app', 0), mappingFact(10, 0x1000, 0x2000, '/bin/app')]);
    batchOf(ingest, [{ timeNs: at(1), pid: 10, user: [0x1010n] }]);
    const second = batchOf(ingest, [{ timeNs: at(2), pid: 10, user: [0x1020n, 0x1031n] }]);
    expect(second.images).toEqual([]);
    expect(second.frames.offset).toEqual([0x30, 0x20]);
    expect(second.stacks).toEqual({ parent: [-1, 1], frame: [1, 2] });
    expect([...second.samples[0]!.stack]).toEqual([2]);
  });

  it('counts a message that breaks off, and keeps what came before', () => {
    const ingest = ingestOf();
    const bytes = packRawSamples([
      { timeNs: at(1), pid: 10 },
      { timeNs: at(2), pid: 10, user: [1n, 2n] },
    ]);
    ingest.addSamples(bytes.slice(0, bytes.length - 8));
    expect([ingest.sampleCount, ingest.malformed]).toEqual([1, 1]);
  });
});
