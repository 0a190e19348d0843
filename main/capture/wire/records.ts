/**
 * native-bpf/wire.h as TypeScript sees it. test/wire holds every offset and size here against the
 * compiled object's BTF. All fields are little endian, as every machine we run on.
 */

/** Size and field offsets of one wire struct, bytes. */
export interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<Record<string, number>>;
}

/** struct stack_sample: one sample's fixed part; its addresses follow. */
export const STACK_SAMPLE = {
  size: 72,
  fields: {
    time_ns: 0,
    cgroup_id: 8,
    value: 16,
    key: 24,
    tgid: 32,
    pid: 36,
    cpu: 40,
    weight: 44,
    kernel_frames: 48,
    user_frames: 50,
    source: 52,
    kind: 54,
    flags: 56,
    link: 60,
    payload: 64,
    reserved: 66,
  },
} as const satisfies StructLayout;

/** struct cpu_counters: one CPU's counters, u64 each. */
export const CPU_COUNTERS = {
  size: 256,
  fields: {
    samples: 0,
    idle: 8,
    filtered: 16,
    ring_full: 24,
    stacks_full: 32,
    counts_full: 40,
    truncated: 48,
    missed: 56,
    targets_full: 64,
    runs: 72,
    run_ns: 80,
    histogram_full: 88,
    unwind_stops: 96,
    starts_lost: 192,
    busy: 200,
    events: 208,
    below_minimum: 216,
    rate_limited: 224,
    skipped: 232,
    privileged: 240,
    padding: 248,
  },
} as const satisfies StructLayout;

/** struct capture_state: the sampler's .bss. */
export const CAPTURE_STATE = {
  size: 262_208,
  fields: {
    slice: 0,
    member_change: 4,
    start_ns: 8,
    backoff: 16,
    reserved: 20,
    cpus: 64,
  },
} as const satisfies StructLayout;

/** struct capture_config: the sampler's .rodata. */
export const CAPTURE_CONFIG = {
  size: 128,
  fields: {
    cgroup_id: 0,
    cgroup_level: 8,
    target_kind: 12,
    aggregate: 16,
    include_idle: 20,
    kernel_stacks: 24,
    user_stacks: 28,
    unwind: 32,
    source: 36,
    min_ns: 40,
    detail: 48,
    options: 52,
    parameters: 56,
    own_uid: 120,
    own_gid: 124,
  },
} as const satisfies StructLayout;

/** struct count_key: key of the count maps. */
export const COUNT_KEY = {
  size: 40,
  fields: {
    tgid: 0,
    pid: 4,
    cgroup_id: 8,
    kernel_stack: 16,
    user_stack: 24,
    kernel_frames: 32,
    user_frames: 34,
    unwind_stop: 36,
  },
} as const satisfies StructLayout;

/** struct count_value: value of the count maps. */
export const COUNT_VALUE = {
  size: 24,
  fields: { samples: 0, last_ns: 8, last_cpu: 16, flags: 20 },
} as const satisfies StructLayout;

/** struct histogram_key: key of the histogram maps. */
export const HISTOGRAM_KEY = {
  size: 24,
  fields: { key: 0, tgid: 8, source: 12, bucket: 14, slice: 16, reserved: 20 },
} as const satisfies StructLayout;

/** struct histogram_value: value of the histogram maps. */
export const HISTOGRAM_VALUE = {
  size: 24,
  fields: { count: 0, total_ns: 8, max_ns: 16 },
} as const satisfies StructLayout;

/** struct trace_step: a step of a trace's filter. */
export const TRACE_STEP = {
  size: 32,
  fields: {
    kind: 0,
    compare: 1,
    is_signed: 2,
    reserved: 3,
    offset: 4,
    size: 6,
    value: 8,
    text: 16,
  },
} as const satisfies StructLayout;

/** struct trace_argument: where a field of a traced call is. */
export const TRACE_ARGUMENT = {
  size: 16,
  fields: { place: 0, base: 1, scaled: 2, shift: 3, offset: 4, size: 6, displacement: 8 },
} as const satisfies StructLayout;

/** ARGUMENT_* of wire.h. */
export const ARGUMENT_PLACES = { value: 0, memory: 1, text: 2 } as const;

/** Bytes of a text that an argument points to. */
export const ARGUMENT_TEXT_BYTES = 64;

/** Registers a trace_argument may name: words of struct pt_regs (asm/ptrace.h), and REGISTER_*. */
export const REGISTER = {
  ...{ r9: 8, r8: 9, rax: 10, rcx: 11, rdx: 12, rsi: 13, rdi: 14 },
  ...{ took: 30, none: 31 },
} as const;

/** struct unwind_page: where the rows of a page are. */
export const UNWIND_PAGE = {
  size: 8,
  fields: { first: 0, rows: 4 },
} as const satisfies StructLayout;

/** struct unwind_rule: UnwindRule of main/unwind. */
export const UNWIND_RULE = {
  size: 24,
  fields: {
    cfa_kind: 0,
    cfa_register: 1,
    fp_kind: 2,
    ra_kind: 3,
    cfa_offset: 4,
    cfa_addend: 8,
    fp_offset: 12,
    ra_offset: 16,
    reserved: 20,
  },
} as const satisfies StructLayout;

/** struct unwind_mapping: one executable mapping of a process. */
export const UNWIND_MAPPING = {
  size: 40,
  fields: { start: 0, end: 8, bias: 16, first_page: 24, pages: 28, kind: 32, rule: 36 },
} as const satisfies StructLayout;

/** struct unwind_process: value of unwind_processes. */
export const UNWIND_PROCESS = {
  size: 16,
  fields: { first: 0, count: 4, asked_ns: 8 },
} as const satisfies StructLayout;

/** struct unwind_request: a process the loader should look at. */
export const UNWIND_REQUEST = {
  size: 8,
  fields: { tgid: 0, reason: 4 },
} as const satisfies StructLayout;

/** Every wire struct by its C name. */
export const STRUCT_LAYOUTS: Readonly<Record<string, StructLayout>> = {
  stack_sample: STACK_SAMPLE,
  cpu_counters: CPU_COUNTERS,
  capture_state: CAPTURE_STATE,
  capture_config: CAPTURE_CONFIG,
  count_key: COUNT_KEY,
  count_value: COUNT_VALUE,
  histogram_key: HISTOGRAM_KEY,
  histogram_value: HISTOGRAM_VALUE,
  trace_step: TRACE_STEP,
  trace_argument: TRACE_ARGUMENT,
  unwind_page: UNWIND_PAGE,
  unwind_rule: UNWIND_RULE,
  unwind_mapping: UNWIND_MAPPING,
  unwind_process: UNWIND_PROCESS,
  unwind_request: UNWIND_REQUEST,
};

/** TARGET_* of wire.h. */
export const TARGET_KINDS = { machine: 0, process: 1, cgroup: 2 } as const;

/** capture_config.own_uid when processes of all users may be followed. */
export const ANY_UID = 0xffff_ffff;

/** UNWIND_MODE_* of wire.h. */
export const UNWIND_MODE_CODES = { fp: 0, auto: 1, eh: 2 } as const;

/** UNWIND_MAPPING_* of wire.h. */
export const MAPPING_KINDS = { table: 0, pending: 1, jit: 2, rule: 3, bare: 4 } as const;

/** Sizes of the unwinder's maps: wire.h. */
export const UNWIND_LIMITS = {
  pageShift: 16,
  chunkShift: 17,
  chunks: 512,
  pages: 131_072,
  rules: 32_768,
  mappings: 131_072,
  processes: 32_768,
  wantedBytes: 65_536,
} as const;

/** RECORD_* of wire.h: RawSampleReader.kind. */
export const RECORD_KINDS = {
  sample: 0,
  pending: 1,
  userStack: 2,
  waker: 3,
  example: 4,
  event: 5,
  pendingExample: 6,
} as const;

/** DETAIL_* of wire.h. */
export const DETAIL_CODES = { events: 0, histogram: 1 } as const;

/** EXAMPLES_PER_BUCKET of wire.h. */
export const EXAMPLES_PER_BUCKET = 4;

/** SAMPLE_* of wire.h: bits of RawSampleReader.flags. */
export const SAMPLE_FLAGS = {
  kernelTruncated: 0x01,
  userTruncated: 0x02,
  kernelMissed: 0x04,
  userMissed: 0x08,
  idle: 0x10,
  interrupt: 0x20,
} as const;

/** SAMPLE_UNWIND_SHIFT of wire.h: bits 8 to 15 of the flags are an index into UNWIND_STOPS. */
export const SAMPLE_UNWIND_SHIFT = 8;

/** Deepest stack a record may carry, frames, kernel and user each; MAX_STACK_DEPTH of wire.h. */
export const MAX_FRAMES = 127;
/** Rows of capture_state.cpus; MAX_CPUS of wire.h. */
export const MAX_CPUS = 1024;
/** Most a RECORD_EVENT carries besides its stacks, bytes. */
export const MAX_PAYLOAD = 512;
/** Longest record, bytes. */
export const MAX_SAMPLE_BYTES = STACK_SAMPLE.size + 2 * MAX_FRAMES * 8 + MAX_PAYLOAD;

const { fields } = STACK_SAMPLE;
const WORD = 4;

/**
 * Walks a `data` payload without making an object or a bigint per sample: next() moves to the next
 * record, the getters read it. 64-bit values are pairs of u32 words, low and high.
 */
export class RawSampleReader {
  readonly #words: Uint32Array;
  readonly #halves: Uint16Array;
  readonly #end: number;
  /** Index of the current record's first u32, and of the next one's. */
  #at = 0;
  #next = 0;
  #malformed = false;

  /** `payload` holds whole records back to back. It is copied only if it is not 4-aligned. */
  constructor(payload: Uint8Array) {
    // Not slice(): a Buffer's slice is no copy.
    const aligned = payload.byteOffset % WORD === 0 ? payload : new Uint8Array(payload);
    const words = Math.floor(aligned.length / WORD);
    this.#words = new Uint32Array(aligned.buffer, aligned.byteOffset, words);
    this.#halves = new Uint16Array(aligned.buffer, aligned.byteOffset, words * 2);
    this.#end = words;
    this.#malformed = aligned.length % 8 !== 0;
  }

  /** Moves to the next record; false at the end, or where the bytes stop making sense. */
  next(): boolean {
    if (this.#malformed || this.#next === this.#end) return false;
    const at = this.#next;
    if (at + STACK_SAMPLE.size / WORD > this.#end) return this.#stop();
    this.#at = at;
    const frames = this.kernelFrames + this.userFrames;
    const { payloadBytes } = this;
    this.#next = at + STACK_SAMPLE.size / WORD + frames * 2 + payloadBytes / WORD;
    const isSound =
      this.kernelFrames <= MAX_FRAMES &&
      this.userFrames <= MAX_FRAMES &&
      payloadBytes <= MAX_PAYLOAD &&
      payloadBytes % 8 === 0 &&
      this.#next <= this.#end;
    return isSound || this.#stop();
  }

  #stop(): false {
    this.#malformed = true;
    return false;
  }

  /** The payload was not a whole number of valid records: counts as one record-malformed. */
  get malformed(): boolean {
    return this.#malformed;
  }

  /** CLOCK_MONOTONIC of the sample, ns: timeHigh * 2^32 + timeLow. */
  get timeLow(): number {
    return this.#words[this.#at + fields.time_ns / WORD]!;
  }
  get timeHigh(): number {
    return this.#words[this.#at + fields.time_ns / WORD + 1]!;
  }
  /** ns since the moment given as u32 words. Exact: the difference is far below 2^53. */
  timeSince(startLow: number, startHigh: number): number {
    return (this.timeHigh - startHigh) * 4_294_967_296 + (this.timeLow - startLow);
  }
  /** cgroup v2 id of the task: cgroupHigh * 2^32 + cgroupLow; 0 unknown. */
  get cgroupLow(): number {
    return this.#words[this.#at + fields.cgroup_id / WORD]!;
  }
  get cgroupHigh(): number {
    return this.#words[this.#at + fields.cgroup_id / WORD + 1]!;
  }
  /** What was measured, in the source's unit: exact below 2^53. */
  get value(): number {
    const at = this.#at + fields.value / WORD;
    return this.#words[at + 1]! * 4_294_967_296 + this.#words[at]!;
  }
  /** Of what it was measured: keyHigh * 2^32 + keyLow. */
  get keyLow(): number {
    return this.#words[this.#at + fields.key / WORD]!;
  }
  get keyHigh(): number {
    return this.#words[this.#at + fields.key / WORD + 1]!;
  }
  /** Index of the capture source in the request. */
  get source(): number {
    return this.#halves[this.#at * 2 + fields.source / 2]!;
  }
  /** One of RECORD_KINDS. */
  get kind(): number {
    return this.#halves[this.#at * 2 + fields.kind / 2]!;
  }
  /** waker: the thread woken; example: slot, and above it 16 bits of the slice. */
  get link(): number {
    return this.#words[this.#at + fields.link / WORD]!;
  }
  get payloadBytes(): number {
    return this.#halves[this.#at * 2 + fields.payload / 2]!;
  }
  /** The bytes behind the addresses; shares memory with the reader's payload. */
  payload(): Uint8Array {
    const frames = this.kernelFrames + this.userFrames;
    const at = (this.#at + STACK_SAMPLE.size / WORD + frames * 2) * WORD;
    return new Uint8Array(this.#words.buffer, this.#words.byteOffset + at, this.payloadBytes);
  }
  /** The record as it came, to be read again later by another reader. */
  copy(): Uint8Array {
    return new Uint8Array(this.#words.slice(this.#at, this.#next).buffer);
  }
  /** Process id as user space means it (tgid). */
  get pid(): number {
    return this.#words[this.#at + fields.tgid / WORD]!;
  }
  /** Thread id as user space means it. */
  get tid(): number {
    return this.#words[this.#at + fields.pid / WORD]!;
  }
  get cpu(): number {
    return this.#words[this.#at + fields.cpu / WORD]!;
  }
  /** Samples or calls this record stands for. */
  get weight(): number {
    return this.#words[this.#at + fields.weight / WORD]!;
  }
  /** SAMPLE_FLAGS bits. */
  get flags(): number {
    return this.#words[this.#at + fields.flags / WORD]!;
  }
  /** Index into UNWIND_STOPS: how the walk up the user stack ended. */
  get unwindStop(): number {
    return (this.flags >>> SAMPLE_UNWIND_SHIFT) & 0xff;
  }
  /** Frames of the kernel stack; they come first, leaf first. */
  get kernelFrames(): number {
    return this.#halves[this.#at * 2 + fields.kernel_frames / 2]!;
  }
  /** Frames of the user stack, after the kernel's, leaf first. */
  get userFrames(): number {
    return this.#halves[this.#at * 2 + fields.user_frames / 2]!;
  }
  /** Low and high word of address `index`, 0 ≤ index < kernelFrames + userFrames. */
  addressLow(index: number): number {
    return this.#words[this.#at + STACK_SAMPLE.size / WORD + index * 2]!;
  }
  addressHigh(index: number): number {
    return this.#words[this.#at + STACK_SAMPLE.size / WORD + index * 2 + 1]!;
  }
}
