import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  decodeJson,
  encodeFrame,
  encodeJsonFrame,
  FrameDecoder,
} from '../../main/capture/wire/framing.ts';
import {
  FRAME_LIMITS,
  FRAME_TYPES,
  type FrameType,
  type StartRequest,
  startSchema,
} from '../../main/capture/wire/helper-protocol.ts';
import { readFrame } from '../../main/helper/stdio.ts';
import { checkScope } from '../../main/helper/target-check.ts';
import { compileFilter } from '../../main/helper/trace-program.ts';
import { startRequest } from '../support/bpf-helper.ts';
import { anyRequest, hostileStream } from '../support/hostile-frames.ts';
import { randomFrom } from '../support/random.ts';

const FRAMES = 100_000;

/** What became of the streams. */
const outcomes = { frames: 0, waiting: 0, violations: 0, requests: 0, refused: 0 };

/** Feeds one stream in pieces cut anywhere; throws what the decoder throws. */
function feed(bytes: Uint8Array, random: () => number): void {
  const decoder = new FrameDecoder();
  for (let at = 0; at < bytes.length; ) {
    const step = 1 + Math.floor(random() * bytes.length);
    const decoded = decoder.push(bytes.subarray(at, at + step));
    at += step;
    if (!decoded.ok) {
      outcomes.violations++;
      const { kind } = decoded.error;
      if (kind !== 'helper-protocol' && kind !== 'helper-version') throw new Error(kind);
      // It stays broken, whatever comes after.
      if (decoder.push(encodeFrame('stop')).ok) throw new Error('a broken stream went on');
      return;
    }
    for (const { type, payload } of decoded.value) {
      if (payload.length > FRAME_LIMITS[type]) throw new Error(`${type} of ${payload.length}`);
      outcomes.frames++;
      if (type !== 'start') continue;
      outcomes[startSchema.safeParse(decodeJson(payload)).success ? 'requests' : 'refused']++;
    }
  }
  if (decoder.pendingBytes > bytes.length) throw new Error('it holds more than it was given');
  if (decoder.pendingBytes > 0) outcomes.waiting++;
}

describe('the helper’s decoder', () => {
  it(`answers ${FRAMES} hostile frames with frames, waiting or a violation`, () => {
    const random = randomFrom(20_261_123);
    let sent = 0;
    while (sent < FRAMES) {
      const { frames, bytes } = hostileStream(random);
      sent += frames;
      feed(bytes, random);
    }
    process.stdout.write(`${sent} hostile frames: ${JSON.stringify(outcomes)}\n`);
    // Each kind of outcome did come up: the streams are not all refused for one reason.
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(100);
  });

  it('knows every kind of request, so that refusals above mean something', () => {
    const random = randomFrom(3);
    for (let count = 0; count < 200; count++) {
      expect(startSchema.safeParse(anyRequest(random)).error).toBeUndefined();
    }
  });

  it.each(Object.keys(FRAME_TYPES) as FrameType[])(
    'does not wait for a %s frame larger than allowed',
    (type) => {
      const header = encodeFrame(type).slice(0, 8);
      new DataView(header.buffer).setUint32(0, FRAME_LIMITS[type] + 1, true);
      expect(new FrameDecoder().push(header)).toMatchObject({
        ok: false,
        error: { kind: 'helper-protocol' },
      });
    },
  );

  it('takes a start request that is valid, so that refusals above mean something', () => {
    const decoded = new FrameDecoder().push(encodeJsonFrame('start', startRequest()));
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
    expect(startSchema.safeParse(decodeJson(decoded.value[0]!.payload)).success).toBe(true);
  });
});

describe('the privileged stage', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ember-frames-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'stream');
  const seen = { frames: 0, ended: 0, violations: 0, invalid: 0, beyond: 0, filters: 0, asked: 0 };

  /** All that is done with a request before anything is opened. */
  function judge(request: StartRequest): void {
    if (!checkScope(request, 'own').ok) seen.beyond++;
    for (const source of request.sources) {
      if (source.kind === 'trace' && !compileFilter(source.filter, []).ok) seen.filters++;
    }
    seen.asked++;
  }

  /** Reads a stream as that stage does, to its end or to what is no frame. */
  function read(bytes: Uint8Array): void {
    writeFileSync(path, bytes);
    const fd = openSync(path, 'r');
    try {
      for (;;) {
        const frame = readFrame(1000, fd);
        if (!frame.ok) {
          seen.violations++;
          return;
        }
        if (frame.value === null) {
          seen.ended++;
          return;
        }
        seen.frames++;
        if (frame.value.type !== 'start') continue;
        const parsed = startSchema.safeParse(decodeJson(frame.value.payload));
        if (parsed.success) judge(parsed.data);
        else seen.invalid++;
      }
    } finally {
      closeSync(fd);
    }
  }

  it(`judges ${FRAMES} hostile frames without a failure of its own`, () => {
    const random = randomFrom(20_261_130);
    let sent = 0;
    while (sent < FRAMES) {
      const { frames, bytes } = hostileStream(random);
      sent += frames;
      read(bytes);
    }
    process.stdout.write(`${sent} hostile frames: ${JSON.stringify(seen)}\n`);
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(100);
  }, 120_000);
});
