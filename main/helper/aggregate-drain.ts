import { MapReader } from '../bpf/map-reader.ts';
import type { MappedMemory } from '../bpf/mapped-memory.ts';
import { writeFrameHeader } from '../capture/wire/framing.ts';
import { FRAME_HEADER_BYTES } from '../capture/wire/helper-protocol.ts';
import {
  COUNT_KEY,
  COUNT_VALUE,
  MAX_FRAMES,
  SAMPLE_FLAGS,
  SAMPLER_STATE,
} from '../capture/wire/records.ts';
import type { AggregateMaps } from './handover.ts';
import { encodeSample, type SampleFrame } from './sample-packing.ts';

/** A slice lasts this long, ns; main/shared/model/capture-spec.ts SLICE_NS. */
const SLICE_NS = 1_000_000_000n;
/** After the flip a program may still be writing to the old set; by then it has long ended. */
const SETTLE_NS = 20_000_000n;
/** Payload at which a data frame is closed, bytes. */
const FRAME_BYTES = 1 << 20;
const NO_STACK = new Uint8Array(0);

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
    if (final) return [0, 1].flatMap((set) => this.#drainSet(set, seen));
    if (this.#flippedNs === 0n) this.#flippedNs = nowNs;
    if (!this.#drained && nowNs - this.#flippedNs >= SETTLE_NS) {
      this.#drained = true;
      return this.#drainSet((this.#slice + 1) % 2, seen);
    }
    if (this.#drained && nowNs - this.#flippedNs >= SLICE_NS) {
      this.#slice = (this.#slice + 1) % 2;
      this.#state.writeU32(SAMPLER_STATE.fields.slice, this.#slice);
      this.#flippedNs = nowNs;
      this.#drained = false;
    }
    return [];
  }

  #drainSet(set: number, seen: (pid: number) => void): SampleFrame[] {
    const stacks = new StackCache(this.#reader, this.#maps.stacks[set]!);
    const builder = new FrameBuilder();
    const map = {
      fd: this.#maps.counts[set]!,
      keyBytes: COUNT_KEY.size,
      valueBytes: COUNT_VALUE.size,
    };
    const failed = this.#reader.drainHash(map, (keys, values, count) => {
      const key = new DataView(keys.buffer);
      const value = new DataView(values.buffer);
      for (let index = 0; index < count; index++) {
        const keyAt = index * COUNT_KEY.size;
        builder.add(readCount(key, keyAt, { view: value, at: index * COUNT_VALUE.size, stacks }));
        seen(key.getUint32(keyAt + COUNT_KEY.fields.tgid, true));
      }
    });
    if (failed !== 0) this.#failures++;
    stacks.forget();
    return builder.finish();
  }
}

function readCount(
  key: DataView,
  at: number,
  value: { readonly view: DataView; readonly at: number; readonly stacks: StackCache },
): { readonly record: Uint8Array; readonly weight: number } {
  const { view, stacks } = value;
  const kernel = stacks.read(key.getInt32(at + COUNT_KEY.fields.kernel_stack, true));
  const user = stacks.read(key.getInt32(at + COUNT_KEY.fields.user_stack, true));
  let flags = view.getUint32(value.at + COUNT_VALUE.fields.flags, true);
  if (kernel.length === MAX_FRAMES * 8) flags |= SAMPLE_FLAGS.kernelTruncated;
  if (user.length === MAX_FRAMES * 8) flags |= SAMPLE_FLAGS.userTruncated;
  const weight = Number(view.getBigUint64(value.at + COUNT_VALUE.fields.samples, true));
  const record = encodeSample({
    timeNs: view.getBigUint64(value.at + COUNT_VALUE.fields.last_ns, true),
    cgroupId: key.getBigUint64(at + COUNT_KEY.fields.cgroup_id, true),
    pid: key.getUint32(at + COUNT_KEY.fields.tgid, true),
    tid: key.getUint32(at + COUNT_KEY.fields.pid, true),
    cpu: view.getUint32(value.at + COUNT_VALUE.fields.last_cpu, true),
    weight,
    flags,
    kernel,
    user,
  });
  return { record, weight };
}

/** The stacks of one set, each read once per slice and removed at its end. */
class StackCache {
  readonly #reader: MapReader;
  readonly #fd: number;
  readonly #stacks = new Map<number, Uint8Array>();

  constructor(reader: MapReader, fd: number) {
    this.#reader = reader;
    this.#fd = fd;
  }

  read(id: number): Uint8Array {
    if (id < 0) return NO_STACK;
    const known = this.#stacks.get(id);
    if (known !== undefined) return known;
    const addresses = new BigUint64Array(MAX_FRAMES);
    const bytes = new Uint8Array(addresses.buffer);
    const found = this.#reader.lookup(this.#fd, keyOf(id), bytes);
    const end = addresses.indexOf(0n);
    const stack = found ? bytes.subarray(0, (end < 0 ? MAX_FRAMES : end) * 8) : NO_STACK;
    this.#stacks.set(id, stack);
    return stack;
  }

  /** Frees the slots for the slice after next. */
  forget(): void {
    for (const id of this.#stacks.keys()) this.#reader.delete(this.#fd, keyOf(id));
    this.#stacks.clear();
  }
}

const keyOf = (id: number): Uint8Array => {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, id, true);
  return key;
};

/** Collects records into data frames of bounded size. */
class FrameBuilder {
  readonly #done: SampleFrame[] = [];
  #records: Uint8Array[] = [];
  #bytes = 0;
  #samples = 0;

  add({ record, weight }: { readonly record: Uint8Array; readonly weight: number }): void {
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
