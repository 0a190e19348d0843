import { MapReader } from '../bpf/map-reader.ts';
import { FRAME_HEADER_BYTES } from '../capture/wire/frame-layout.ts';
import { writeFrameHeader } from '../capture/wire/framing.ts';
import { HISTOGRAM_KEY, HISTOGRAM_VALUE } from '../capture/wire/records.ts';
import type { SampleFrame } from './sample-packing.ts';

/** SLICE_NS of wire.h. */
const SLICE_NS = 1_000_000_000n;
/** A program that began in the last slice may still be counting; by then it has long ended. */
const SETTLE_NS = 20_000_000n;
/** Cells per frame: 768 KiB. */
const FRAME_CELLS = 16_384;
const CELL_BYTES = HISTOGRAM_KEY.size + HISTOGRAM_VALUE.size;

/** Empties the histogram map of the slice before the current one, once each slice. */
export class HistogramDrain {
  readonly #maps: readonly [even: number, odd: number];
  readonly #startNs: bigint;
  readonly #reader: MapReader;
  /** Slices below are drained. */
  #next = 0;
  #failures = 0;

  private constructor(maps: readonly [number, number], startNs: bigint, reader: MapReader) {
    this.#maps = maps;
    this.#startNs = startNs;
    this.#reader = reader;
  }

  /** null: libbpf is gone. `startNs`: capture_state.start_ns. */
  static open(maps: readonly [number, number], startNs: bigint): HistogramDrain | null {
    const reader = MapReader.open();
    return reader.ok ? new HistogramDrain(maps, startNs, reader.value) : null;
  }

  /** Slices that could not be read to the end. */
  get failures(): number {
    return this.#failures;
  }

  /** Frames due at `nowNs` (CLOCK_MONOTONIC). `final`: nothing is counted any more, empty both. */
  due(nowNs: bigint, final: boolean): SampleFrame[] {
    if (final) return [this.#next, this.#next + 1].flatMap((slice) => this.#drain(slice));
    const over = Number((nowNs - this.#startNs - SETTLE_NS) / SLICE_NS);
    if (over <= this.#next) return [];
    // After a pause several slices may lie in one map, and the other is in use: cells carry their slice.
    this.#next = over;
    return this.#drain(over - 1);
  }

  #drain(slice: number): SampleFrame[] {
    const fd = this.#maps[slice % 2 === 0 ? 0 : 1];
    const parts: Uint8Array[] = [];
    let calls = 0;
    const map = { fd, keyBytes: HISTOGRAM_KEY.size, valueBytes: HISTOGRAM_VALUE.size };
    const failed = this.#reader.drainHash(map, (keys, values, count) => {
      const cells = new Uint8Array(count * CELL_BYTES);
      const view = new DataView(values.buffer);
      for (let cell = 0; cell < count; cell++) {
        const key = cell * HISTOGRAM_KEY.size;
        const value = cell * HISTOGRAM_VALUE.size;
        cells.set(keys.subarray(key, key + HISTOGRAM_KEY.size), cell * CELL_BYTES);
        cells.set(
          values.subarray(value, value + HISTOGRAM_VALUE.size),
          cell * CELL_BYTES + HISTOGRAM_KEY.size,
        );
        calls += view.getUint32(value, true);
      }
      parts.push(cells);
    });
    if (failed !== 0) this.#failures++;
    return framesOf(parts, calls);
  }
}

/** Cells as frames of bounded size. All calls are told of the first: a lost frame is lost with all. */
function framesOf(parts: readonly Uint8Array[], calls: number): SampleFrame[] {
  const bytes = Buffer.concat(parts);
  const frames: SampleFrame[] = [];
  const frameBytes = FRAME_CELLS * CELL_BYTES;
  for (let at = 0; at < bytes.length; at += frameBytes) {
    const payload = bytes.subarray(at, at + frameBytes);
    const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
    writeFrameHeader(frame, 'histogram', payload.length);
    frame.set(payload, FRAME_HEADER_BYTES);
    frames.push({ frame, samples: at === 0 ? calls : 0, malformed: 0 });
  }
  return frames;
}
