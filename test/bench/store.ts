import { chmodSync } from 'node:fs';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import { ProfileModel } from '../../renderer/worker/profile-model.ts';
import { DEFAULT_VIEW } from '../../renderer/worker/profile-protocol.ts';
import { launchDesktop } from '../support/desktop.ts';
import { MILLION, measureStore } from '../support/measure-store.ts';
import { writeSyntheticSession } from '../support/synthetic-session.ts';
import { median, printTable } from './measure.ts';

const RUNS = 5;

/** The store, and the way from an opened file to its first flame graph, on a million samples. */
export async function benchStore(file: string): Promise<void> {
  const store = await measureStore(MILLION, RUNS);
  printTable(
    `Session store: ${store.samples} samples, ${store.stackRows} stack rows, median of ${RUNS}`,
    [
      ['step', 'figure'],
      [
        'written, totals and stacks included',
        `${(store.samplesPerSecondWritten / 1e6).toFixed(2)} M samples/s`,
      ],
      ['file', `${store.bytesPerSample.toFixed(1)} bytes per sample`],
      ['open', `${store.openMs.toFixed(0)} ms`],
      ['read every column', `${store.readMs.toFixed(0)} ms`],
      ['longest pause of the event loop', `${store.longestPauseMs.toFixed(0)} ms`],
      [
        'encode + decode for the window',
        `${(store.encodeMs + store.decodeMs).toFixed(0)} ms, ${(store.transferBytes / 1e6).toFixed(1)} MB`,
      ],
    ],
  );
  await writeSyntheticSession(file, MILLION);
  chmodSync(file, 0o644);
  printTable(`First flame graph of that file, median of ${RUNS}`, [
    ['step', 'ms'],
    ['tree and layout, in Node', (await modelMs(file)).toFixed(0)],
    ['file chosen to drawn, in the window', (await windowMs(file)).toFixed(0)],
  ]);
}

async function modelMs(file: string): Promise<number> {
  const opened = await SessionReader.open(file);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  const { reader } = opened.value;
  const delta = await reader.delta(EMPTY_CURSOR);
  await reader.close();
  if (!delta.ok) throw new Error(JSON.stringify(delta.error));
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++)
    times.push(new ProfileModel().picture(delta.value.tables, DEFAULT_VIEW, 0).computeMs);
  return median(times);
}

/** A fresh app each time; from the Open command to the outline that stands beside the drawn canvas. */
async function windowMs(file: string): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const desktop = await launchDesktop();
    try {
      await desktop.answerDialogs({ open: file });
      const began = performance.now();
      await desktop.menu('Open Session');
      await desktop.page
        .getByRole('treeitem')
        .first()
        .waitFor({ state: 'attached', timeout: 60_000 });
      times.push(performance.now() - began);
    } finally {
      await desktop[Symbol.asyncDispose]();
    }
  }
  return median(times);
}
