import { forEachRecord } from '../bpf/ring-walk.ts';
import { FRAME_HEADER_BYTES } from '../capture/wire/frame-layout.ts';
import { writeFrameHeader } from '../capture/wire/framing.ts';
import { MAX_SAMPLE_BYTES, STACK_SAMPLE } from '../capture/wire/records.ts';

const { fields, size } = STACK_SAMPLE;

/** One `data` frame, ready to be written, and what is in it. */
export interface SampleFrame {
  readonly frame: Uint8Array<ArrayBuffer>;
  readonly samples: number;
  /** Ring buffer records that are no sample: passed over. */
  readonly malformed: number;
}

/** Whether `length` bytes are exactly one sample record, by its own frame counts. */
const isSample = (view: DataView, offset: number, length: number): boolean =>
  length >= size &&
  length <= MAX_SAMPLE_BYTES &&
  length ===
    size +
      8 *
        (view.getUint16(offset + fields.kernel_frames, true) +
          view.getUint16(offset + fields.user_frames, true)) +
      view.getUint16(offset + fields.payload, true);

/**
 * Packs the records of a ring buffer span into a data frame of its own memory, and tells `seen` each
 * sample's process. Runs for every sample: no object, no bigint.
 */
export function packSamples(
  span: Uint8Array,
  length: number,
  seen: (pid: number) => void,
): SampleFrame {
  const view = new DataView(span.buffer, span.byteOffset, length);
  // Never longer than the span: each record loses its 8-byte header.
  const packed = new Uint8Array(FRAME_HEADER_BYTES + length);
  let at = FRAME_HEADER_BYTES;
  let samples = 0;
  let malformed = 0;
  forEachRecord(view, length, (offset, dataBytes) => {
    if (!isSample(view, offset, dataBytes)) {
      malformed++;
      return;
    }
    packed.set(span.subarray(offset, offset + dataBytes), at);
    at += dataBytes;
    samples++;
    seen(view.getUint32(offset + fields.tgid, true));
  });
  const frame = packed.subarray(0, at);
  writeFrameHeader(frame, 'data', at - FRAME_HEADER_BYTES);
  return { frame, samples, malformed };
}

/** One stack_sample and its addresses, appended by the aggregate drain. */
export interface AggregateSample {
  readonly timeNs: bigint;
  readonly cgroupId: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly cpu: number;
  readonly weight: number;
  readonly flags: number;
  /** Raw u64 addresses, leaf first. */
  readonly kernel: Uint8Array;
  readonly user: Uint8Array;
}

/** The wire form of an aggregated sample. */
export function encodeSample(sample: AggregateSample): Uint8Array {
  const bytes = new Uint8Array(size + sample.kernel.length + sample.user.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(fields.time_ns, sample.timeNs, true);
  view.setBigUint64(fields.cgroup_id, sample.cgroupId, true);
  view.setUint32(fields.tgid, sample.pid, true);
  view.setUint32(fields.pid, sample.tid, true);
  view.setUint32(fields.cpu, sample.cpu, true);
  view.setUint32(fields.weight, sample.weight, true);
  view.setUint16(fields.kernel_frames, sample.kernel.length / 8, true);
  view.setUint16(fields.user_frames, sample.user.length / 8, true);
  view.setUint32(fields.flags, sample.flags, true);
  bytes.set(sample.kernel, size);
  bytes.set(sample.user, size + sample.kernel.length);
  return bytes;
}
