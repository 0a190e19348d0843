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
  size: 40,
  fields: {
    time_ns: 0,
    cgroup_id: 8,
    tgid: 16,
    pid: 20,
    cpu: 24,
    weight: 28,
    kernel_frames: 32,
    user_frames: 34,
    flags: 36,
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
    reserved: 88,
    unwind_stops: 96,
    padding: 192,
  },
} as const satisfies StructLayout;

/** struct sampler_state: the sampler's .bss. */
export const SAMPLER_STATE = {
  size: 262_208,
  fields: { slice: 0, member_change: 4, reserved: 8, cpus: 64 },
} as const satisfies StructLayout;

/** struct sampler_config: the sampler's .rodata. */
export const SAMPLER_CONFIG = {
  size: 40,
  fields: {
    cgroup_id: 0,
    cgroup_level: 8,
    target_kind: 12,
    aggregate: 16,
    include_idle: 20,
    kernel_stacks: 24,
    user_stacks: 28,
    unwind: 32,
    reserved: 36,
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
  sampler_state: SAMPLER_STATE,
  sampler_config: SAMPLER_CONFIG,
  count_key: COUNT_KEY,
  count_value: COUNT_VALUE,
  unwind_page: UNWIND_PAGE,
  unwind_rule: UNWIND_RULE,
  unwind_mapping: UNWIND_MAPPING,
  unwind_process: UNWIND_PROCESS,
  unwind_request: UNWIND_REQUEST,
};

/** TARGET_* of wire.h. */
export const TARGET_KINDS = { machine: 0, process: 1, cgroup: 2 } as const;

/** UNWIND_MODE_* of wire.h. */
export const UNWIND_MODE_CODES = { fp: 0, auto: 1, eh: 2 } as const;

/** UNWIND_MAPPING_* of wire.h. */
export const MAPPING_KINDS = { table: 0, pending: 1, jit: 2, rule: 3 } as const;

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

/** SAMPLE_* of wire.h: bits of RawSampleReader.flags. */
export const SAMPLE_FLAGS = {
  kernelTruncated: 0x01,
  userTruncated: 0x02,
  kernelMissed: 0x04,
  userMissed: 0x08,
  idle: 0x10,
} as const;

/** SAMPLE_UNWIND_SHIFT of wire.h: bits 8 to 15 of the flags are an index into UNWIND_STOPS. */
export const SAMPLE_UNWIND_SHIFT = 8;

/** Deepest stack a record may carry, frames, kernel and user each; MAX_STACK_DEPTH of wire.h. */
export const MAX_FRAMES = 127;
/** Rows of sampler_state.cpus; MAX_CPUS of wire.h. */
export const MAX_CPUS = 1024;
/** Longest record, bytes. */
export const MAX_SAMPLE_BYTES = STACK_SAMPLE.size + 2 * MAX_FRAMES * 8;

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
    this.#next = at + STACK_SAMPLE.size / WORD + frames * 2;
    if (this.kernelFrames > MAX_FRAMES || this.userFrames > MAX_FRAMES || this.#next > this.#end) {
      return this.#stop();
    }
    return true;
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
  /** Samples this record stands for. */
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
