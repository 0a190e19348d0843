import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeJson,
  encodeFrame,
  encodeJsonFrame,
  type Frame,
  FrameDecoder,
} from '../../main/capture/wire/framing.ts';
import {
  FRAME_HEADER_BYTES,
  FRAME_LIMITS,
  FRAME_TYPES,
  type FrameType,
} from '../../main/capture/wire/helper-protocol.ts';

const typeArbitrary = fc.constantFrom(...(Object.keys(FRAME_TYPES) as FrameType[]));
const frameArbitrary = typeArbitrary.chain((type) =>
  fc
    .uint8Array({ maxLength: Math.min(300, FRAME_LIMITS[type]) })
    .map((payload): Frame => ({ type, payload })),
);

const plain = (frames: readonly Frame[]): unknown =>
  frames.map(({ type, payload }) => [type, Buffer.from(payload).toString('hex')]);

/** Cuts `bytes` at the given positions, in any order and repeated. */
function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const edges = [0, ...at.map((edge) => edge % (bytes.length + 1)), bytes.length];
  edges.sort((a, b) => a - b);
  return edges.slice(1).map((edge, index) => bytes.slice(edges[index], edge));
}

describe('FrameDecoder', () => {
  it('returns the same frames however the stream is cut', () => {
    const cuts = fc.array(fc.nat(), { maxLength: 40 });
    fc.assert(
      fc.property(fc.array(frameArbitrary, { maxLength: 12 }), cuts, (frames, at) => {
        const stream = Buffer.concat(frames.map((frame) => encodeFrame(frame.type, frame.payload)));
        const decoder = new FrameDecoder();
        const read = cut(stream, at).flatMap((chunk) => {
          const pushed = decoder.push(chunk);
          return pushed.ok ? pushed.value : [];
        });
        expect(plain(read)).toEqual(plain(frames));
        expect(decoder.pendingBytes).toBe(0);
      }),
    );
  });

  it('keeps an unfinished frame pending', () => {
    const decoder = new FrameDecoder();
    decoder.push(encodeJsonFrame('facts', [1, 2, 3]).subarray(0, 11));
    expect(decoder.pendingBytes).toBe(11);
  });

  const header = (length: number, type: number, version = 1, reserved = 0): Uint8Array => {
    const bytes = new Uint8Array(FRAME_HEADER_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, length, true);
    view.setUint8(4, type);
    view.setUint8(5, version);
    view.setUint16(6, reserved, true);
    return bytes;
  };

  it.each([
    ['a payload above its type’s limit', header(FRAME_LIMITS.stop + 1, FRAME_TYPES.stop)],
    ['the largest length', header(0xffff_ffff, FRAME_TYPES.data)],
    ['an unknown type', header(0, 77)],
    ['reserved bits', header(0, FRAME_TYPES.stop, 1, 1)],
  ])('refuses %s before its payload arrives', (_, bytes) => {
    const pushed = new FrameDecoder().push(bytes);
    expect(pushed).toMatchObject({ ok: false, error: { kind: 'helper-protocol' } });
  });

  it('tells a helper of another version from a broken one', () => {
    const pushed = new FrameDecoder().push(header(0, FRAME_TYPES.stop, 2));
    const error = { kind: 'helper-version', found: 'protocol 2', expected: 'protocol 1' };
    expect(pushed).toEqual({ ok: false, error });
  });

  it('stays refused after a violation', () => {
    const decoder = new FrameDecoder();
    decoder.push(header(0, 77));
    expect(decoder.push(encodeFrame('stop')).ok).toBe(false);
  });
});

describe('encodeFrame', () => {
  it('throws on a payload its receiver would refuse', () => {
    expect(() => encodeFrame('stop', new Uint8Array(FRAME_LIMITS.stop + 1))).toThrow(/^Bug/);
  });
});

describe('decodeJson', () => {
  it('is undefined for bytes that are no JSON or no UTF-8', () => {
    expect([decodeJson(Buffer.from('{')), decodeJson(new Uint8Array([0xff]))]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
