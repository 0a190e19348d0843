import * as z from 'zod';
import { LATENCY_DETAILS, MAX_SOURCES, UNWIND_MODES } from '#shared/model/capture-spec.ts';
import { TRACE_FORMS } from '#shared/model/trace-fields.ts';

/**
 * Frames between the engine (unprivileged) and the helper (privileged) over inherited pipes.
 *
 * Header, 8 bytes, little endian: u32 payload length, u8 frame type, u8 protocol version, u16 zero.
 * Control payloads are JSON in UTF-8, checked against the schemas below by the receiver; `data`
 * payloads are raw `stack_sample` records (native-bpf/wire.h) packed back to back; `histogram`
 * payloads are whole entries of the histogram maps of finished slices, histogram_key and
 * histogram_value side by side; `kallsyms` payloads are text, an empty one ends them. Sequence:
 *
 *   helper: hello                                    engine: start
 *   helper: started | error                          engine: stop (or closes the pipe)
 *   helper: kallsyms*, facts*, data*, histogram*, stats* …, then bye
 *
 * Closing stdin ends the helper, as does a signal; any violation is answered by `error`, then exit.
 */
export {
  FRAME_HEADER_BYTES,
  FRAME_LIMITS,
  FRAME_TYPES,
  type FrameType,
  PROTOCOL_VERSION,
} from './frame-layout.ts';

/** First frame of the helper: proves that it runs, and as what. */
export const helloSchema = z.strictObject({
  product: z.literal('emberscope-helper'),
  version: z.string().max(64),
  protocol: z.int(),
  pid: z.int().positive(),
});
export type Hello = z.infer<typeof helloSchema>;

/** A BPF object each. */
export const MAX_USDT_SITES = 32;
/** As many as <sys/sdt.h> allows for. */
export const MAX_SDT_ARGUMENTS = 12;

const minNs = z.int().min(0).max(3_600_000_000_000);
const detail = z.enum(LATENCY_DETAILS);
/** Names as the kernel has them; `*` in the functions of a pattern. */
const kernelName = z.string().regex(/^[A-Za-z0-9_.*]{1,128}$/);
const eventName = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/);
/** Absolute, at most PATH_MAX. The kernel opens it, for its inode alone. */
const binaryPath = z.string().regex(/^\/[^\0]{1,4095}$/);

const kernelProbe = z.strictObject({ type: z.literal('kernel'), name: kernelName });
/** offset: in the file, of the first instruction; the engine has looked it up. */
const userProbe = z.strictObject({
  type: z.literal('user'),
  path: binaryPath,
  offset: z.int().nonnegative(),
});
const tracepointProbe = z.strictObject({
  type: z.literal('tracepoint'),
  category: eventName,
  name: eventName,
});
/** A register by its word in struct pt_regs; null: none. */
const register = z.int().min(0).max(20).nullable();
const sdtArgument = z.strictObject({
  place: z.enum(['value', 'memory']),
  size: z.union([z.literal(1), z.literal(2), z.literal(4), z.literal(8)]),
  isSigned: z.boolean(),
  ...{ base: register, scaled: register, shift: z.int().min(0).max(3), displacement: z.int() },
});
/** A USDT probe's sites in a file; the engine has read them from its notes. */
const usdtProbe = z.strictObject({
  type: z.literal('usdt'),
  path: binaryPath,
  sites: z
    .array(
      z.strictObject({
        offset: z.int().nonnegative(),
        /** Of the counter that switches the probe on; 0: there is none. */
        semaphoreOffset: z.int().min(0).max(0xffff_ffff),
        arguments: z.array(sdtArgument.nullable()).max(MAX_SDT_ARGUMENTS),
      }),
    )
    .min(1)
    .max(MAX_USDT_SITES),
});
const functionProbe = z.discriminatedUnion('type', [kernelProbe, userProbe]);
/** perf_event_attr.type and .config of a software or hardware event: perf_event_open(2). */
const perfEvent = z.strictObject({
  type: z.literal('perf'),
  perfType: z.int().min(0).max(3),
  config: z.int().nonnegative(),
});

/** What one source asks of the helper. Its index in the request is stack_sample.source. */
export const sourceRequestSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('on-cpu'),
    rateHz: z.int().min(1).max(20_000),
    mode: z.enum(['precise', 'aggregate']),
    includeIdle: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('off-cpu'), minNs, wakers: z.boolean() }),
  z.strictObject({ kind: z.literal('run-queue'), minNs, detail }),
  z.strictObject({ kind: z.literal('function'), probe: functionProbe, minNs, detail }),
  z.strictObject({ kind: z.literal('syscalls'), minNs, detail }),
  z.strictObject({ kind: z.literal('block-io'), minNs, detail }),
  z.strictObject({
    kind: z.literal('count'),
    event: z.discriminatedUnion('type', [tracepointProbe, perfEvent]),
    period: z.int().min(1).max(1_000_000_000),
  }),
  z.strictObject({
    kind: z.literal('trace'),
    probe: z.discriminatedUnion('type', [kernelProbe, userProbe, tracepointProbe, usdtProbe]),
    /** Parsed and resolved by the helper: only it may read what fields there are. */
    filter: z.string().max(4096),
    stacks: z.boolean(),
    returns: z.boolean(),
    perSecond: z.int().min(1).max(1_000_000),
  }),
]);
export type SourceRequest = z.infer<typeof sourceRequestSchema>;

/** The one request. Enumerated values only: no command, no flag string; paths are for probes. */
export const startSchema = z.strictObject({
  sources: z.array(sourceRequestSchema).min(1).max(MAX_SOURCES),
  /** Share of one CPU our programs may take before latency sources back off; 0: no limit. */
  costLimit: z.number().min(0).max(1024),
  kernelStacks: z.boolean(),
  userStacks: z.boolean(),
  unwind: z.enum(UNWIND_MODES),
  target: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('machine') }),
    z.strictObject({ kind: z.literal('process'), pid: z.int().positive().max(4_194_304) }),
    /** id: inode number of the cgroup v2 directory; level: its depth below the root (root = 0). */
    z.strictObject({
      kind: z.literal('cgroup'),
      id: z.string().regex(/^[0-9a-f]{1,16}$/),
      level: z.int().min(0).max(64),
    }),
  ]),
});
export type StartRequest = z.infer<typeof startSchema>;

export const startedSchema = z.strictObject({
  /** CLOCK_MONOTONIC when sampling was enabled, ns, decimal text: may exceed 2^53. */
  startNs: z.string().regex(/^\d{1,20}$/),
  /** The perf event that fires on-CPU samples; empty: nothing is sampled. */
  sampleEvent: z.enum(['cpu-clock', 'cycles', '']),
  cpus: z.int().positive(),
  /** How user stacks are walked; differs from the request when the kernel cannot do that. */
  unwind: z.enum(UNWIND_MODES),
  /** Why it differs, one sentence; empty: it does not. */
  unwindFallback: z.string().max(1024),
  /** Of each source of the request: how it is measured, and why not in a cheaper way (empty: it is). */
  mechanisms: z.array(
    z.strictObject({
      name: z.string().max(64),
      note: z.string().max(2048),
      /** Traces: the fields of an event's payload. */
      fields: z.array(
        z.strictObject({
          name: z.string().max(256),
          type: z.string().max(256),
          offset: z.int().nonnegative(),
          size: z.int().nonnegative(),
          form: z.enum(TRACE_FORMS),
        }),
      ),
    }),
  ),
  /** Effective capabilities kept after the privilege drop, e.g. ["CAP_SYS_PTRACE"]. */
  capabilities: z.array(z.string()),
});
export type Started = z.infer<typeof startedSchema>;

/** Absolute 64-bit values travel as lower-case hex text without 0x. Times: ns since startNs. */
const hex64 = z.string().regex(/^[0-9a-f]{1,16}$/);

/** What the helper learnt about processes, from /proc at start and the kernel's side-band after. */
export const factSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('process'),
    pid: z.int(),
    parentPid: z.int(),
    /** ns since session start, negative if it began before. */
    start: z.number(),
    comm: z.string(),
    exe: z.string(),
    cmdline: z.string(),
    uid: z.int(),
    cgroup: z.string(),
  }),
  z.strictObject({
    kind: z.literal('thread'),
    pid: z.int(),
    tid: z.int(),
    comm: z.string(),
  }),
  /** The process replaced its program: earlier mappings no longer apply from `time` on. */
  z.strictObject({
    kind: z.literal('exec'),
    pid: z.int(),
    time: z.number(),
    comm: z.string(),
    exe: z.string(),
  }),
  z.strictObject({
    kind: z.literal('mapping'),
    pid: z.int(),
    /** When it appeared; 0: it was there at the start. */
    time: z.number(),
    start: hex64,
    end: hex64,
    /** Offset in the file of `start`. */
    fileOffset: z.number(),
    /** As the kernel says it: a path, "[vdso]", "[heap]", "//anon", possibly with " (deleted)". */
    path: z.string(),
    /** Lower-case hex; empty: the kernel did not tell. */
    buildId: z.string(),
    /** "major:minor:inode" in hex/hex/decimal; empty: the kernel did not tell. */
    inode: z.string(),
  }),
  z.strictObject({ kind: z.literal('exit'), pid: z.int(), tid: z.int(), time: z.number() }),
  z.strictObject({
    kind: z.literal('fork'),
    pid: z.int(),
    tid: z.int(),
    parentPid: z.int(),
    parentTid: z.int(),
    time: z.number(),
  }),
]);
export type ProcessFact = z.infer<typeof factSchema>;
export const factsSchema = z.array(factSchema);

/** Totals since start; sent at least once a second. */
export const statsSchema = z.strictObject({
  samples: z.number(),
  idle: z.number(),
  filtered: z.number(),
  /** LossReason → count; only non-zero entries. */
  loss: z.record(z.string(), z.number()),
  /** One in 2^backoff calls is measured, to keep our own cost within the limit. */
  backoff: z.number(),
  /** Calls that latency sources and traces saw, and of them those shorter than asked for. */
  events: z.number(),
  belowMinimum: z.number(),
  bpfRuns: z.number(),
  bpfNs: z.number(),
  helperCpuNs: z.number(),
  helperRssBytes: z.number(),
  /** Unwind tables in the kernel; null: user stacks are walked by frame pointers. */
  unwind: z
    .strictObject({
      /** Images with a table loaded, their memory and its limit, bytes. */
      tables: z.number(),
      tableBytes: z.number(),
      budgetBytes: z.number(),
      /** Images that wait for their table, images refused by the budget, images without any rows. */
      pending: z.number(),
      overBudget: z.number(),
      failed: z.number(),
      /** Walks by UNWIND_STOPS, since start; only non-zero entries. */
      stops: z.record(z.string(), z.number()),
    })
    .nullable(),
});
export type HelperStats = z.infer<typeof statsSchema>;

/** A ProfilerError (main/shared/errors.ts) as data; the helper exits after sending it. */
export const errorSchema = z.looseObject({ kind: z.string() });

/** Why the capture ended; the last frame. */
export const byeSchema = z.strictObject({
  reason: z.enum(['stopped', 'target-exited']),
  stats: statsSchema,
});
export type Bye = z.infer<typeof byeSchema>;
