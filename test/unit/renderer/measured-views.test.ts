import { describe, expect, it } from 'vitest';
import { WALL_CLOCK, WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { QUEUED_SLOT, RUNNING_SLOT, WAITING_SLOT } from '#shared/model/frame-color.ts';
import { bucketLow, bucketOf } from '#shared/model/latency-buckets.ts';
import { LabelTable, slotOfBox } from '../../../renderer/charts/flame-model.ts';
import { fieldNamesOf } from '../../../renderer/views/event-list.ts';
import { chipsOf } from '../../../renderer/views/selection-chips.ts';
import { eventPage, stackOfSample } from '../../../renderer/worker/event-rows.ts';
import { ProfileModel } from '../../../renderer/worker/profile-model.ts';
import { DEFAULT_VIEW, type ViewSpec } from '../../../renderer/worker/profile-protocol.ts';
import { ON_CPU } from '../../support/on-cpu.ts';
import { tablesOf } from '../../support/tables-of.ts';
import { CALLS, FAULTS, OFF_CPU, RUN_QUEUE, withSources } from '../../support/with-sources.ts';

const TABLES = withSources(
  tablesOf(`
    app:1/1| main;run 2
    app:1/2| main;wait[k];^sh;wake[k];push 500
    app:1/1| main;run 40
    app:1/1| main;read 10
    app:1/2| main;read 900
    app:1/2| - 3
  `),
  {
    sources: [ON_CPU, OFF_CPU, RUN_QUEUE, CALLS, FAULTS],
    series: [{ source: 3, process: 0, name: 'read', variant: 'EIO' }],
    samples: [
      { source: 0 },
      { source: 1, value: 500 },
      { source: 2, value: 40 },
      { source: 3, series: 0, value: 10 },
      { source: 3, value: 900 },
      { source: 4 },
    ],
  },
);
const view = (change: Partial<ViewSpec> = {}): ViewSpec => ({ ...DEFAULT_VIEW, ...change });

describe('ProfileModel of a session with several sources', () => {
  it('weighs each source by itself, in its unit', () => {
    const weights = [0, 1, 2, 3, 4].map((source) => {
      const picture = new ProfileModel().picture(TABLES, view({ source }), 0);
      return [picture.flame.total[0], picture.sessionWeight, picture.unit];
    });
    expect(weights).toEqual([
      [2, 2, 'samples'],
      [500, 500, 'nanoseconds'],
      [40, 40, 'nanoseconds'],
      [910, 910, 'nanoseconds'],
      [3, 3, 'events'],
    ]);
  });

  it('colours the wall clock by what threads did', () => {
    const model = new ProfileModel();
    const picture = model.picture(TABLES, view({ source: WALL_CLOCK, sampleNs: 100 }), 0);
    const labels = new LabelTable();
    labels.add(picture.labels);
    const { flame } = picture;
    expect([flame.total[0], picture.unit]).toEqual([740, 'nanoseconds']);
    const slots = Array.from({ length: flame.length }, (_, box) => [
      labels.nameOf(flame.label[box]!),
      slotOfBox({ flame, labels, unit: picture.unit }, box),
    ]).filter(([name]) => name === 'run' || name === 'wait' || name === 'push');
    expect(slots).toEqual([
      ['run', RUNNING_SLOT],
      ['run', QUEUED_SLOT],
      ['wait', WAITING_SLOT],
      ['push', WAITING_SLOT],
    ]);
  });

  it('gives latencies of latency sources alone, and what else is asked for', () => {
    const model = new ProfileModel();
    model.picture(TABLES, view(), 0);
    expect(model.details()).toMatchObject({ latency: null, pulse: null, events: null });
    model.picture(TABLES, view({ source: 3, pulse: true, events: { first: 0, count: 9 } }), 0);
    const details = model.details()!;
    expect(
      details.latency!.series.map(({ name, variant, process }) => [name, variant, process]),
    ).toEqual([
      ['vfs_read', '', ''],
      ['read', 'EIO', ''],
    ]);
    const apart = view({ source: 3, byProcess: true });
    model.picture(TABLES, apart, 0);
    expect(model.details()!.latency!.series[1]!.process).toBe('app (1)');
    expect([details.events!.total, details.pulse!.length]).toEqual([2, 1]);
    expect(details.quality.unit).toBe('nanoseconds');
  });

  it('lists the threads of the one process selected, whatever thread is', () => {
    const model = new ProfileModel();
    model.picture(TABLES, view({ source: 3, processes: [0], threads: [0] }), 0);
    const { threads } = model.details()!;
    expect(threads.map(({ tid, weight }) => [tid, weight])).toEqual([
      [2, 900],
      [1, 10],
    ]);
    model.picture(TABLES, view({ source: 3 }), 0);
    expect(model.details()!.threads).toEqual([]);
  });
});

describe('eventPage', () => {
  it('tells who, when and what, and each place among the samples of its source', () => {
    const page = eventPage(TABLES, { ...WHOLE_SESSION, source: 3 }, { first: 1, count: 5 });
    expect(page.total).toBe(2);
    expect(page.rows).toEqual([
      {
        ...{ sample: 4, ordinal: 1, time: 4e6, comm: 'app', pid: 1, tid: 2, cpu: 0 },
        ...{ value: 900, series: '', leaf: 'read' },
      },
    ]);
  });

  it('names the waiting function of a wait, and the waker in its stack', () => {
    const selection = { ...WHOLE_SESSION, source: 1, wakers: false };
    const [row] = eventPage(TABLES, selection, { first: 0, count: 5 }).rows;
    expect(row!.leaf).toBe('wait');
    const { frames } = stackOfSample(TABLES, row!.sample);
    expect(frames.map(({ name }) => name)).toEqual([
      'push',
      'wake',
      '[woken by sh]',
      'wait',
      'main',
    ]);
  });

  it('has no rows beyond the end, and no stack where there is none', () => {
    expect(eventPage(TABLES, { ...WHOLE_SESSION, source: 3 }, { first: 7, count: 5 }).rows).toEqual(
      [],
    );
    expect(stackOfSample(TABLES, 5).frames).toEqual([]);
    expect(stackOfSample(TABLES, 99).frames).toEqual([]);
  });
});

describe('chipsOf', () => {
  const words = {
    seriesName: (rows: readonly number[]) => (rows.length === 1 ? `kind ${rows[0]!}` : null),
    processName: (row: number) => `process ${row}`,
    threadName: (row: number) => `thread ${row}`,
  };

  it('says each part of the selection, innermost first', () => {
    const bucket = bucketOf(1_000_000);
    const chosen = view({
      values: { from: bucketLow(bucket), to: bucketLow(bucket + 2) },
      ...{ series: [1, 2], processes: [3], threads: [4] },
      window: { kind: 'range', range: { from: 1e9, to: 2.5e9 } },
    });
    expect(chipsOf(chosen, words).map(({ part, text }) => [part, text])).toEqual([
      ['values', '1–1.03 ms'],
      ['series', '2 kinds'],
      ['time', '1 s to 2.5 s'],
      ['threads', 'thread 4'],
      ['processes', 'process 3'],
    ]);
  });

  it('says nothing of the whole', () => {
    expect(chipsOf(view(), words)).toEqual([]);
  });
});

describe('fieldNamesOf', () => {
  it('reads names, whether alone or with what else is known of a field', () => {
    expect(fieldNamesOf('["a",{"name":"b","size":4}]')).toEqual(['a', 'b']);
    expect(fieldNamesOf('')).toEqual([]);
  });

  it.each(['{', '7', 'null', '{"name":"x"}'])('has none of a damaged text: %s', (text) => {
    expect(fieldNamesOf(text)).toEqual([]);
  });

  it('has empty names for what is no field', () => {
    expect(fieldNamesOf('[null,3,{"name":[]}]')).toEqual(['', '', '']);
  });
});
