import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';

import type { HelperEnd } from '../../../main/capture/helper-client.ts';
import { HelperInbox } from '../../../main/capture/helper-inbox.ts';
import { LiveRecording, type RecordingParts } from '../../../main/capture/live-recording.ts';
import type { CaptureMode } from '../../../main/shared/model/capture-spec.ts';
import { ok } from '../../../main/shared/result.ts';
import type { SessionBatch } from '../../../main/store/session-batch.ts';
import { execFact, mappingFact, processFact } from '../../support/facts.ts';
import { ON_CPU } from '../../support/on-cpu.ts';
import { packRawSamples } from '../../support/raw-samples.ts';
import { syntheticMeta } from '../../support/synthetic-session.ts';

const STATS = {
  ...{
    samples: 1,
    idle: 0,
    filtered: 0,
    loss: {},
    events: 0,
    backoff: 0,
    belowMinimum: 0,
    bpfRuns: 1,
    bpfNs: 1,
    helperCpuNs: 1,
  },
  ...{ helperRssBytes: 1, unwind: null },
};
/** How long ago the session began, ns. */
const AGE_NS = 10_000_000_000n;

interface Rig {
  /** What the file was finished with. */
  readonly finished: unknown[];
  readonly recording: LiveRecording;
  readonly inbox: HelperInbox;
  readonly batches: SessionBatch[];
  readonly startNs: bigint;
}

/** A recording of 10 s so far with a helper, a file and symbols that only exist here. */
function rig(
  writer: Partial<Record<'append' | 'finish', () => Promise<unknown>>> = {},
  mode: CaptureMode = 'precise',
): Rig {
  let end: (end: HelperEnd) => void = () => undefined;
  const ended = new Promise<HelperEnd>((settle) => {
    end = settle;
  });
  const batches: SessionBatch[] = [];
  const finished: unknown[] = [];
  const inbox = new HelperInbox(false);
  const startNs = process.hrtime.bigint() - AGE_NS;
  const meta = syntheticMeta();
  const parts = {
    helper: {
      ...{ pid: 1, ended, pause: () => undefined, resume: () => undefined },
      stop: () => end({ bye: { reason: 'stopped', stats: STATS }, error: null }),
    },
    inbox,
    writer: {
      path: '/nowhere.ember',
      append: (batch: SessionBatch) => {
        batches.push(batch);
        return Promise.resolve(ok(undefined));
      },
      finish: (facts: unknown) => {
        finished.push(facts);
        return Promise.resolve(ok(undefined));
      },
      ...writer,
    },
    symbols: {
      ...{ addKallsyms: () => undefined, noteFacts: () => undefined, buildIdOf: () => '' },
      ...{ kernel: () => ({ locate: () => ({ image: '[kernel]', offset: 0 }) }) },
      ...{ symbolize: (_: unknown, offsets: readonly number[]) => offsets.map(() => null) },
      ...{ problemOf: () => null, forget: () => undefined, dispose: () => undefined },
    },
    meta: { ...meta, spec: { ...meta.spec, mode, duration: null } },
    sources: [{ row: ON_CPU, hasSeries: false }],
    ...{ startNs, launched: null, options: {} },
  };
  const recording = new LiveRecording(parts as unknown as RecordingParts);
  return { recording, inbox, batches, startNs, finished };
}

const bug = (): Promise<never> => Promise.reject(new Error('Bug: thrown on purpose'));
const FAILED = {
  reason: 'failed',
  error: { kind: 'internal-error', detail: 'Error: Bug: thrown on purpose' },
};

describe('LiveRecording', () => {
  it('ends as failed when the store throws at a commit', async () => {
    const { recording, inbox } = rig({ append: bug });
    inbox.stats(STATS);
    expect(await recording.ended).toMatchObject(FAILED);
  });

  it('ends as failed when the store throws at the last commit', async () => {
    const { recording, inbox } = rig({ append: bug });
    inbox.stats(STATS);
    expect(await recording.stop()).toMatchObject(FAILED);
  });

  it('ends as failed when the store throws at the end', async () => {
    expect(await rig({ finish: bug }).recording.stop()).toMatchObject(FAILED);
  });

  it('keeps in the file why it ended', async () => {
    const { recording, finished } = rig();
    const end = { reason: 'stopped', error: '' };
    expect((await recording.stop()).info.end).toEqual(end);
    expect(finished).toMatchObject([{ state: 'complete', end }]);
  });

  it('keeps in the file what went wrong', async () => {
    const error = { kind: 'disk-full', path: '/full' };
    const { recording, inbox, finished } = rig({
      append: () => Promise.resolve({ ok: false, error }),
    });
    inbox.stats(STATS);
    const { info } = await recording.stop();
    expect(info.end).toMatchObject({ reason: 'failed' });
    expect(info.end?.error).toMatch(/^The disk is full\. .*\/full.*\.$/);
    expect(finished).toMatchObject([{ end: info.end }]);
  });

  it.each<[CaptureMode, number]>([
    ['precise', 500],
    ['aggregate', 1800],
  ])(
    'gives a sample that arrives late in %s mode the mappings of its moment',
    async (mode, late) => {
      const { recording, inbox, batches, startNs } = rig({}, mode);
      const now = Number(process.hrtime.bigint() - startNs);
      const sampleNs = now - late * 1e6;
      inbox.facts([
        processFact(10, 'sh', -1e9),
        mappingFact(10, 0x1000, 0x2000, '/bin/sh'),
        execFact(10, 'ls', '/bin/ls', sampleNs + 1e6),
        mappingFact(10, 0x1000, 0x2000, '/bin/ls', sampleNs + 2e6),
      ]);
      // A commit passes between the facts and the sample.
      await vi.waitFor(() => expect(batches.length).toBeGreaterThan(0), { interval: 5 });
      await delay(0);
      const timeNs = startNs + BigInt(Math.round(sampleNs));
      inbox.data(packRawSamples([{ timeNs, pid: 10, user: [0x1010n] }]));
      await recording.stop();
      expect(batches.flatMap(({ images }) => images.map(({ path }) => path))).toEqual(['/bin/sh']);
    },
  );
});
