import { spawn } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame, encodeJsonFrame, FrameDecoder } from '../../main/capture/wire/framing.ts';
import { buildHelper, note, startRequest } from '../support/bpf-helper.ts';
import { hostileStream } from '../support/hostile-frames.ts';
import { randomFrom } from '../support/random.ts';

/** Frames sent to live helpers, at least, in each stage. */
const FRAMES = 1000;
const AT_ONCE = 3;
/** A helper that has not ended by then hangs, ms. */
const PATIENCE_MS = 30_000;
/** The pipe of one that records stays open for so long after what was sent, ms. */
const ANSWER_MS = 1500;

let entry = '';
beforeAll(async () => {
  entry = await buildHelper();
});

interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  /** Types of the frames it sent, in order; "garbage" if it sent anything else. */
  readonly said: readonly string[];
  readonly stderr: string;
}

/** Starts a helper, sends it `first`, and `then` once it records; closes the pipe and waits for its end. */
function endingOf(first: Uint8Array, then: Uint8Array | null): Promise<Ending> {
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, [entry, '--stdio'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {},
    });
    const decoder = new FrameDecoder();
    const said: string[] = [];
    let stderr = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Error(`it hangs after ${said.join(' ')}: ${stderr}`));
    }, PATIENCE_MS);
    // It may be gone before it has read everything.
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => {
      const frames = decoder.push(chunk);
      const types: string[] = frames.ok ? frames.value.map(({ type }) => type) : ['garbage'];
      if (types.includes('started') && then !== null) {
        child.stdin.write(then);
        // A closed pipe ends it at once, with nothing more to say: first it may answer.
        setTimeout(() => child.stdin.end(), ANSWER_MS);
      }
      said.push(...types);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      settle({ code, signal, said, stderr });
    });
    if (then === null) child.stdin.end(first);
    else child.stdin.write(first);
  });
}

/** Runs jobs, a few at once. */
async function all<T>(jobs: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  const waiting = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift())
      results.push(await job());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

function expectOrderly(endings: readonly Ending[]): void {
  for (const { code, signal, said, stderr } of endings) {
    expect({ signal, stderr }).toEqual({ signal: null, stderr: '' });
    expect([0, 1]).toContain(code);
    expect(said[0]).toBe('hello');
    expect(said).not.toContain('garbage');
    // Code 1 is told by an error frame, its last word.
    if (code === 1) expect(said.at(-1)).toBe('error');
  }
}

const tally = (endings: readonly Ending[]): string => {
  const refused = endings.filter(({ code }) => code === 1).length;
  return `${endings.length} helpers, ${refused} refused, none crashed or hung`;
};

describe('a live helper', () => {
  it(`survives ${FRAMES} hostile frames instead of a request`, async () => {
    const random = randomFrom(1);
    const jobs: (() => Promise<Ending>)[] = [];
    let sent = 0;
    while (sent < FRAMES) {
      const { frames, bytes } = hostileStream(random);
      sent += frames;
      jobs.push(() => endingOf(bytes, null));
    }
    const endings = await all(jobs);
    note(`before recording: ${sent} frames to ${tally(endings)}`);
    expectOrderly(endings);
    expect(endings.filter(({ code }) => code === 1).length).toBeGreaterThan(jobs.length / 2);
  });

  it(`survives ${FRAMES} hostile frames while it records`, async () => {
    const random = randomFrom(2);
    const request = encodeJsonFrame('start', startRequest({ unwind: 'fp', kernelStacks: false }));
    const jobs: (() => Promise<Ending>)[] = [];
    let sent = 0;
    while (sent < FRAMES) {
      const streams = Array.from({ length: 12 }, () => hostileStream(random));
      sent += streams.reduce((sum, { frames }) => sum + frames, 0);
      const bytes = Buffer.concat(streams.map((stream) => stream.bytes));
      jobs.push(() => endingOf(request, bytes));
    }
    const endings = await all(jobs);
    note(`while recording: ${sent} frames to ${tally(endings)}`);
    expectOrderly(endings);
    expect(endings.every(({ said }) => said.includes('started'))).toBe(true);
  });

  it.each([
    ['a replayed request', encodeJsonFrame('start', startRequest()), 'error'],
    ['a stop that claims 4 GB', Uint8Array.from([255, 255, 255, 255, 4, 1, 0, 0]), 'error'],
    ['a frame of its own', encodeFrame('bye'), 'error'],
    ['two stops', Buffer.concat([encodeFrame('stop'), encodeFrame('stop')]), 'bye'],
    ['a stop cut short', encodeFrame('stop').subarray(0, 5), null],
  ])('that records answers %s with its last frame', async (_, bytes, last) => {
    const request = encodeJsonFrame('start', startRequest({ unwind: 'fp', kernelStacks: false }));
    const ending = await endingOf(request, bytes);
    expect(ending.signal).toBeNull();
    if (last === 'error') expect(ending).toMatchObject({ code: 1, stderr: '' });
    else expect(ending).toMatchObject({ code: 0, stderr: '' });
    if (last === 'error') expect(ending.said.at(-1)).toBe('error');
  });
});
