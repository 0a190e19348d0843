import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { processState } from '../../main/capture/target-launch.ts';
import { buildHelper } from '../support/bpf-helper.ts';
import {
  bundleNode,
  type ReadSession,
  readWhole,
  recordingOf,
  samplerPrograms,
  specOf,
  untilGone,
} from '../support/capture.ts';

let recorder = '';
let engine = '';
let parent = '';
let helper = '';
let folder = '';
let out = '';
const started: ChildProcess[] = [];

beforeAll(async () => {
  helper = await buildHelper();
  recorder = await bundleNode('test/support/record-session.ts', 'record-session');
  parent = await bundleNode('test/support/fork-engine.ts', 'fork-engine');
  engine = await bundleNode('main/engine/main.ts', 'engine');
});
beforeEach(() => {
  vi.stubEnv('EMBERSCOPE_TEST', '1');
  vi.stubEnv('EMBERSCOPE_TEST_HELPER', helper);
  folder = mkdtempSync(join(tmpdir(), 'ember-kill-'));
  out = join(folder, 'out.ember');
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a node program and returns it with the words of the first line it prints. */
async function announced(...argv: string[]): Promise<{ child: ChildProcess; words: string[] }> {
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, words: chunk.toString().trim().split(' ') };
}

/** ns since session start at this moment. */
const sinceStart = ({ info }: ReadSession, at: number): number =>
  (at - Date.parse(info.startedAt)) * 1e6;

/** The machine has 2 CPUs with idle ticks recorded: samples reach up to the last moment kept. */
function expectOnlyLastSecondLost(session: ReadSession, killedAt: number): void {
  const { time, length } = session.delta.tables.samples;
  expect(length).toBe(session.info.sampleCount);
  const last = time.reduce((latest, at) => Math.max(latest, at), 0);
  expect(last).toBeGreaterThan(sinceStart(session, killedAt) - 1e9);
}

/** Threads of a process; 0: it is gone. */
function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return 0;
    throw error;
  }
}

/** Also its other threads: a process whose first thread is a zombie still holds its files. */
async function untilEnded(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const state = processState(pid);
    if (state === null || (state === 'Z' && threadsOf(pid) <= 1)) return true;
    await delay(50);
  }
  return false;
}

describe('kill -9 while recording', () => {
  it('of the helper: the file is finished with everything received, and the loss is told', async () => {
    const before = samplerPrograms();
    const recording = await recordingOf(specOf({ kind: 'machine' }, { includeIdle: true }), out);
    const during = [...samplerPrograms()].filter((id) => !before.has(id));
    await delay(3500);
    const killedAt = Date.now();
    process.kill(recording.helperPid, 'SIGKILL');
    const end = await recording.ended;
    expect(end).toMatchObject({
      reason: 'failed',
      error: { kind: 'helper-lost', exitCode: null, signal: 'SIGKILL' },
    });
    const session = await readWhole(out);
    expect(session).toMatchObject({ recovered: false, info: { state: 'complete' } });
    expectOnlyLastSecondLost(session, killedAt);
    expect(during.length).toBeGreaterThan(0);
    expect(await untilGone(during)).toBe(true);
  });

  it('of the recorder: the file opens with all but the last second, the helper goes too', async () => {
    const before = samplerPrograms();
    const { child, words } = await announced(recorder, out);
    const during = [...samplerPrograms()].filter((id) => !before.has(id));
    await delay(3500);
    const killedAt = Date.now();
    child.kill('SIGKILL');
    expect(await untilEnded(Number(words[0]))).toBe(true);
    const session = await readWhole(out);
    expect(session).toMatchObject({ recovered: true, info: { state: 'interrupted' } });
    expectOnlyLastSecondLost(session, killedAt);
    expect(await untilGone(during)).toBe(true);
  });

  it('of the app: the engine finishes the recording and ends', async () => {
    const { child, words } = await announced(parent, engine, folder);
    const [pid, path] = [Number(words[0]), words[1]!];
    await delay(3500);
    const killedAt = Date.now();
    child.kill('SIGKILL');
    expect(await untilEnded(pid)).toBe(true);
    const session = await readWhole(path);
    expect(session).toMatchObject({ recovered: false, info: { state: 'complete' } });
    expectOnlyLastSecondLost(session, killedAt);
  });

  it('of the engine: the next engine opens what it left', async () => {
    const { words } = await announced(parent, engine, folder);
    const [pid, path] = [Number(words[0]), words[1]!];
    await delay(3500);
    const killedAt = Date.now();
    process.kill(pid, 'SIGKILL');
    expect(await untilEnded(pid)).toBe(true);
    const session = await readWhole(path);
    expect(session).toMatchObject({ recovered: true, info: { state: 'interrupted' } });
    expectOnlyLastSecondLost(session, killedAt);
  });
});
