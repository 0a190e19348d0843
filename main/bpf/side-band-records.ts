/** perf's side-band records as bytes: include/uapi/linux/perf_event.h, enum perf_event_type. Pure. */

const RECORD = { lost: 2, comm: 3, exit: 4, throttle: 5, fork: 7, mmap2: 10 } as const;
const MISC_COMM_EXEC = 1 << 13;
const MISC_MMAP_BUILD_ID = 1 << 14;
const PROT_EXEC = 4;
/** Every record ends with sample_id: u32 pid, u32 tid, u64 time. */
const SAMPLE_ID_BYTES = 16;
const HEADER_BYTES = 8;

/** One record. Times: CLOCK_MONOTONIC ns. pid as user space means it. */
export type SideBandRecord =
  | {
      readonly kind: 'mapping';
      readonly time: bigint;
      readonly pid: number;
      readonly start: bigint;
      readonly end: bigint;
      readonly fileOffset: bigint;
      readonly path: string;
      /** Lower-case hex; empty: the kernel did not tell. */
      readonly buildId: string;
      /** "major:minor:inode" in hex:hex:decimal; empty: the kernel did not tell. */
      readonly inode: string;
    }
  | {
      readonly kind: 'comm';
      readonly time: bigint;
      readonly pid: number;
      readonly tid: number;
      readonly comm: string;
      /** The name changed because the process replaced its program. */
      readonly exec: boolean;
    }
  | {
      readonly kind: 'fork' | 'exit';
      readonly time: bigint;
      readonly pid: number;
      readonly tid: number;
      readonly parentPid: number;
      readonly parentTid: number;
    }
  | { readonly kind: 'lost'; readonly time: bigint; readonly count: number }
  | { readonly kind: 'throttle'; readonly time: bigint };

const decoder = new TextDecoder();

/** A zero-terminated string inside [from, to). */
function cString(bytes: Uint8Array, from: number, to: number): string {
  const end = bytes.indexOf(0, from);
  return decoder.decode(bytes.subarray(from, end < 0 || end > to ? to : end));
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** One record's bytes, header included. */
interface RecordBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: number;
  readonly end: number;
  readonly time: bigint;
}

function parseMapping(record: RecordBytes, misc: number): SideBandRecord | null {
  const { bytes, view, at, end, time } = record;
  const body = at + HEADER_BYTES;
  if ((view.getUint32(body + 56, true) & PROT_EXEC) === 0) return null;
  const hasBuildId = (misc & MISC_MMAP_BUILD_ID) !== 0;
  const identity = body + 32;
  const buildIdBytes = hasBuildId ? Math.min(view.getUint8(identity), 20) : 0;
  const device = `${view.getUint32(identity, true).toString(16)}:${view.getUint32(identity + 4, true).toString(16)}`;
  const inode = hasBuildId ? 0n : view.getBigUint64(identity + 8, true);
  const start = view.getBigUint64(body + 8, true);
  return {
    kind: 'mapping',
    time,
    pid: view.getUint32(body, true),
    start,
    end: start + view.getBigUint64(body + 16, true),
    fileOffset: view.getBigUint64(body + 24, true),
    path: cString(bytes, body + 64, end - SAMPLE_ID_BYTES),
    buildId: hexOf(bytes.subarray(identity + 4, identity + 4 + buildIdBytes)),
    inode: inode === 0n ? '' : `${device}:${inode}`,
  };
}

function parseComm(record: RecordBytes, misc: number): SideBandRecord {
  const body = record.at + HEADER_BYTES;
  return {
    kind: 'comm',
    time: record.time,
    pid: record.view.getUint32(body, true),
    tid: record.view.getUint32(body + 4, true),
    comm: cString(record.bytes, body + 8, record.end - SAMPLE_ID_BYTES),
    exec: (misc & MISC_COMM_EXEC) !== 0,
  };
}

function parseTask(record: RecordBytes, kind: 'fork' | 'exit'): SideBandRecord {
  const { view, at } = record;
  return {
    kind,
    time: view.getBigUint64(at + HEADER_BYTES + 16, true),
    pid: view.getUint32(at + HEADER_BYTES, true),
    parentPid: view.getUint32(at + HEADER_BYTES + 4, true),
    tid: view.getUint32(at + HEADER_BYTES + 8, true),
    parentTid: view.getUint32(at + HEADER_BYTES + 12, true),
  };
}

/** Shortest valid size of each record type that is read, bytes. */
const MINIMUM_BYTES = new Map<number, number>([
  [RECORD.lost, HEADER_BYTES + 16 + SAMPLE_ID_BYTES],
  [RECORD.comm, HEADER_BYTES + 8 + SAMPLE_ID_BYTES],
  [RECORD.exit, HEADER_BYTES + 24 + SAMPLE_ID_BYTES],
  [RECORD.throttle, HEADER_BYTES],
  [RECORD.fork, HEADER_BYTES + 24 + SAMPLE_ID_BYTES],
  [RECORD.mmap2, HEADER_BYTES + 64 + SAMPLE_ID_BYTES],
]);

function parseRecord(record: RecordBytes, type: number, misc: number): SideBandRecord | null {
  switch (type) {
    case RECORD.mmap2:
      return parseMapping(record, misc);
    case RECORD.comm:
      return parseComm(record, misc);
    case RECORD.fork:
      return parseTask(record, 'fork');
    case RECORD.exit:
      return parseTask(record, 'exit');
    case RECORD.throttle:
      return { kind: 'throttle', time: record.time };
    case RECORD.lost: {
      const count = record.view.getBigUint64(record.at + HEADER_BYTES + 8, true);
      return { kind: 'lost', time: record.time, count: Number(count) };
    }
    default:
      return null;
  }
}

/** What one drain of the side-band rings held. */
export interface SideBandDrain {
  readonly records: SideBandRecord[];
  /** Records whose size makes no sense: the rest of that ring's bytes was given up. */
  readonly malformed: number;
}

/**
 * Parses the bytes of one ring: records back to back. Types that nobody asked for, and mappings
 * that cannot be executed, are passed over.
 */
export function parseSideBand(bytes: Uint8Array): SideBandDrain {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: SideBandRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const rest = bytes.length - at;
    if (rest < HEADER_BYTES) return { records, malformed: 1 };
    const type = view.getUint32(at, true);
    const size = view.getUint16(at + 6, true);
    const minimum = MINIMUM_BYTES.get(type) ?? HEADER_BYTES;
    if (size < minimum || size > rest || size % 8 !== 0) return { records, malformed: 1 };
    const end = at + size;
    const time = size >= HEADER_BYTES + 8 ? view.getBigUint64(end - 8, true) : 0n;
    const parsed = parseRecord({ bytes, view, at, end, time }, type, view.getUint16(at + 4, true));
    if (parsed !== null) records.push(parsed);
    at = end;
  }
  return { records, malformed: 0 };
}
