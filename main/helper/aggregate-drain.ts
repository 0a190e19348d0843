import { MapReader } from '../bpf/map-reader.ts';
import type { MappedMemory } from '../bpf/mapped-memory.ts';
import { FRAME_HEADER_BYTES } from '../capture/wire/frame-layout.ts';
import { writeFrameHeader } from '../capture/wire/framing.ts';
import {
  CAPTURE_STATE,
  COUNT_KEY,
  COUNT_VALUE,
  MAX_FRAMES,
  SAMPLE_UNWIND_SHIFT,
} from '../capture/wire/records.ts';
import type { AggregateMaps } from './handover.ts';
import { type AggregateSample, encodeSample, type SampleFrame } from './sample-packing.ts';

/** A slice lasts this long, ns; main/shared/model/capture-spec.ts SLICE_NS. */
const SLICE_NS = 1_000_000_000n;
/** After the flip a program may still be writing to the old set; by then it has long ended. */
const SETTLE_NS = 20_000_000n;
/** Payload at which a data frame is closed, bytes. */
const FRAME_BYTES = 1 << 20;
const NO_STACK = new Uint8Array(0);
/** Value of the stack maps, bytes. */
const STACK_BYTES = MAX_FRAMES * 8;

/** Aggregate mode's drain: flips the map set each slice and empties the one no longer written. */
export class AggregateDrain {
  readonly #maps: AggregateMaps;
  readonly #state: MappedMemory;
  readonly #reader: MapReader;
  #slice = 0;
  #flippedNs: bigint;
  #drained = true;
  #failures = 0;

  private constructor(maps: AggregateMaps, state: MappedMemory, reader: MapReader) {
    this.#maps = maps;
    this.#state = state;
    this.#reader = reader;
    this.#flippedNs = 0n;
  }

  static open(maps: AggregateMaps, state: MappedMemory): AggregateDrain | null {
    const reader = MapReader.open();
    return reader.ok ? new AggregateDrain(maps, state, reader.value) : null;
  }

  /** Slices that could not be read to the end. */
  get failures(): number {
    return this.#failures;
  }

  /** Frames that are due at `nowNs` (CLOCK_MONOTONIC). `final`: sampling has stopped, empty all. */
  due(nowNs: bigint, final: boolean, seen: (pid: number) => void): SampleFrame[] {
    if (final) {
      // The set written before the last flip is the older one: samples leave in order of time.
      return [this.#slice ^ 1, this.#slice].flatMap((set) => this.#drainSet(set, seen));
    }
    if (this.#flippedNs === 0n) this.#flippedNs = nowNs;
    if (!this.#drained && nowNs - this.#flippedNs >= SETTLE_NS) {
      this.#drained = true;
      return this.#drainSet((this.#slice + 1) % 2, seen);
    }
    if (this.#drained && nowNs - this.#flippedNs >= SLICE_NS) {
      this.#slice = (this.#slice + 1) % 2;
      this.#state.writeU32(CAPTURE_STATE.fields.slice, this.#slice);
      this.#flippedNs = nowNs;
      this.#drained = false;
    }
    return [];
  }

  #drainSet(set: number, seen: (pid: number) => void): SampleFrame[] {
    const stacks = this.#drainStacks(this.#maps.stacks[set]!);
    const samples: AggregateSample[] = [];
    const map = {
      fd: this.#maps.counts[set]!,
      keyBytes: COUNT_KEY.size,
      valueBytes: COUNT_VALUE.size,
    };
    const failed = this.#reader.drainHash(map, (keys, values, count) => {
      const key = new DataView(keys.buffer);
      const value = new DataView(values.buffer);
      for (let index = 0; index < count; index++) {
        const sample = readCount(
          { view: key, at: index * COUNT_KEY.size },
          { view: value, at: index * COUNT_VALUE.size },
          stacks,
        );
        samples.push(sample);
        seen(sample.pid);
      }
    });
    if (failed !== 0) this.#failures++;
    return framesOf(samples);
  }

  #drainStacks(fd: number): Stacks {
    const stacks = new Map<bigint, Uint8Array>();
    const map = { fd, keyBytes: 8, valueBytes: STACK_BYTES };
    const failed = this.#reader.drainHash(map, (keys, values, count) => {
      const hashes = new BigUint64Array(keys.buffer, 0, count);
      hashes.forEach((hash, index) => {
        stacks.set(hash, values.slice(index * STACK_BYTES, (index + 1) * STACK_BYTES));
      });
    });
    if (failed !== 0) this.#failures++;
    return stacks;
  }
}

/** Hash → addresses, of which count_key tells how many are valid. */
type Stacks = ReadonlyMap<bigint, Uint8Array>;

/** A place in a batch of map entries. */
interface Entry {
  readonly view: DataView;
  readonly at: number;
}

function readCount(key: Entry, value: Entry, stacks: Stacks): AggregateSample {
  const keyAt = COUNT_KEY.fields;
  const valueAt = COUNT_VALUE.fields;
  const stackOf = (hashAt: number, framesAt: number): Uint8Array => {
    const frames = key.view.getUint16(key.at + framesAt, true);
    if (frames === 0) return NO_STACK;
    return (stacks.get(key.view.getBigUint64(key.at + hashAt, true)) ?? NO_STACK).subarray(
      0,
      frames * 8,
    );
  };
  return {
    timeNs: value.view.getBigUint64(value.at + valueAt.last_ns, true),
    cgroupId: key.view.getBigUint64(key.at + keyAt.cgroup_id, true),
    pid: key.view.getUint32(key.at + keyAt.tgid, true),
    tid: key.view.getUint32(key.at + keyAt.pid, true),
    cpu: value.view.getUint32(value.at + valueAt.last_cpu, true),
    weight: Number(value.view.getBigUint64(value.at + valueAt.samples, true)),
    flags:
      value.view.getUint32(value.at + valueAt.flags, true) |
      (key.view.getUint32(key.at + keyAt.unwind_stop, true) << SAMPLE_UNWIND_SHIFT),
    kernel: stackOf(keyAt.kernel_stack, keyAt.kernel_frames),
    user: stackOf(keyAt.user_stack, keyAt.user_frames),
  };
}

/**
 * Packs a slice. A hash map gives its entries in no order; by time, each meets the facts of its own
 * moment on the other side.
 */
export function framesOf(samples: AggregateSample[]): SampleFrame[] {
  samples.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
  const builder = new FrameBuilder();
  for (const sample of samples) builder.add(encodeSample(sample), sample.weight);
  return builder.finish();
}

/** Collects records into data frames of bounded size. */
class FrameBuilder {
  readonly #done: SampleFrame[] = [];
  #records: Uint8Array[] = [];
  #bytes = 0;
  #samples = 0;

  add(record: Uint8Array, weight: number): void {
    this.#records.push(record);
    this.#bytes += record.length;
    this.#samples += weight;
    if (this.#bytes >= FRAME_BYTES) this.#close();
  }

  finish(): SampleFrame[] {
    if (this.#bytes > 0) this.#close();
    return this.#done;
  }

  #close(): void {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + this.#bytes);
    writeFrameHeader(frame, 'data', this.#bytes);
    let at = FRAME_HEADER_BYTES;
    for (const record of this.#records) {
      frame.set(record, at);
      at += record.length;
    }
    this.#done.push({ frame, samples: this.#samples, malformed: 0 });
    this.#records = [];
    this.#bytes = 0;
    this.#samples = 0;
  }
}
