import { STACK_SAMPLE } from '../../main/capture/wire/records.ts';

/** One sample as the kernel would send it; addresses leaf first. */
export interface RawSample {
  readonly timeNs: bigint;
  readonly pid: number;
  readonly tid?: number;
  readonly cpu?: number;
  readonly weight?: number;
  readonly value?: number;
  readonly key?: bigint;
  readonly source?: number;
  /** RECORD_KINDS; a complete sample by default. */
  readonly kind?: number;
  readonly link?: number;
  /** SAMPLE_FLAGS. */
  readonly flags?: number;
  readonly kernel?: readonly bigint[];
  readonly user?: readonly bigint[];
}

/** Packs samples back to back, as a `data` frame carries them. */
export function packRawSamples(samples: readonly RawSample[]): Uint8Array {
  return Uint8Array.from(samples.flatMap((sample) => [...packOne(sample)]));
}

function packOne(sample: RawSample): Uint8Array {
  const { fields, size } = STACK_SAMPLE;
  const kernel = sample.kernel ?? [];
  const addresses = [...kernel, ...(sample.user ?? [])];
  const bytes = new Uint8Array(size + addresses.length * 8);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(fields.time_ns, sample.timeNs, true);
  view.setUint32(fields.tgid, sample.pid, true);
  view.setUint32(fields.pid, sample.tid ?? sample.pid, true);
  view.setUint32(fields.cpu, sample.cpu ?? 0, true);
  view.setUint32(fields.weight, sample.weight ?? 1, true);
  view.setBigUint64(fields.value, BigInt(sample.value ?? 0), true);
  view.setBigUint64(fields.key, sample.key ?? 0n, true);
  view.setUint16(fields.source, sample.source ?? 0, true);
  view.setUint16(fields.kind, sample.kind ?? 0, true);
  view.setUint32(fields.link, sample.link ?? 0, true);
  view.setUint32(fields.flags, sample.flags ?? 0, true);
  view.setUint16(fields.kernel_frames, kernel.length, true);
  view.setUint16(fields.user_frames, addresses.length - kernel.length, true);
  addresses.forEach((address, index) => view.setBigUint64(size + index * 8, address, true));
  return bytes;
}
