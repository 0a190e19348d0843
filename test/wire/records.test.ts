import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ANY_UID,
  ARGUMENT_PLACES,
  ARGUMENT_TEXT_BYTES,
  DETAIL_CODES,
  EXAMPLES_PER_BUCKET,
  MAPPING_KINDS,
  MAX_CPUS,
  MAX_FRAMES,
  MAX_PAYLOAD,
  RECORD_KINDS,
  REGISTER,
  SAMPLE_FLAGS,
  SAMPLE_UNWIND_SHIFT,
  STRUCT_LAYOUTS,
  TARGET_KINDS,
  UNWIND_LIMITS,
  UNWIND_MODE_CODES,
} from '../../main/capture/wire/records.ts';
import { SLICE_NS } from '../../main/shared/model/capture-spec.ts';
import {
  LATENCY_OVERFLOW_BUCKET,
  LATENCY_SUB_BITS,
} from '../../main/shared/model/latency-buckets.ts';
import { MAX_FILTER_STEPS } from '../../main/shared/model/trace-filter.ts';
import { UNWIND_STOPS, type UnwindStop } from '../../main/shared/model/unwind-stop.ts';
import { makeBpfObjects } from '../support/bpf-helper.ts';

interface BtfType {
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly members?: readonly { readonly name: string; readonly bits_offset: number }[];
}

/** The C name of each stop. */
const STOP_NAMES: Record<UnwindStop, string> = {
  unknown: 'UNKNOWN',
  complete: 'COMPLETE',
  depth: 'DEPTH',
  'no-process': 'NO_PROCESS',
  'no-mapping': 'NO_MAPPING',
  'no-table': 'NO_TABLE',
  'no-frame-pointer': 'NO_FRAME_POINTER',
  'unsupported-rule': 'UNSUPPORTED',
  'unreadable-stack': 'UNREADABLE',
  'no-progress': 'NO_PROGRESS',
  'no-registers': 'NO_REGISTERS',
  'step-limit': 'STEP_LIMIT',
};
const unwindCodes = Object.fromEntries(
  UNWIND_STOPS.map((stop, code) => [`UNWIND_${STOP_NAMES[stop]}`, code]),
);

const folder = mkdtempSync(join(tmpdir(), 'ember-btf-'));
let types: readonly BtfType[] = [];

beforeAll(() => {
  makeBpfObjects(folder);
  // No object uses every struct.
  types = ['on_cpu', 'syscalls', 'trace'].flatMap((name) => {
    const path = join(folder, `${name}.bpf.o`);
    const dump = execFileSync('bpftool', ['-j', 'btf', 'dump', 'file', path]);
    return (JSON.parse(dump.toString()) as { types: BtfType[] }).types;
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** size and field offsets of a struct as the compiled object has it, bytes. */
function layoutInObject(name: string): unknown {
  const found = types.find((type) => type.kind === 'STRUCT' && type.name === name);
  const fields = (found?.members ?? []).map((member) => [member.name, member.bits_offset / 8]);
  return { size: found?.size, fields: Object.fromEntries(fields) };
}

describe('records.ts against the BTF of the compiled object', () => {
  it.each(Object.keys(STRUCT_LAYOUTS))('agrees on struct %s', (name) => {
    expect(layoutInObject(name)).toEqual(STRUCT_LAYOUTS[name]);
  });

  it('covers every struct of wire.h', () => {
    const header = readFileSync(resolve(import.meta.dirname, '../../native-bpf/wire.h'), 'utf8');
    const names = [...header.matchAll(/^struct (\w+) \{/gm)].map(([, name]) => name);
    expect(Object.keys(STRUCT_LAYOUTS).sort()).toEqual(names.sort());
  });

  it('agrees on every constant of wire.h', () => {
    const header = readFileSync(resolve(import.meta.dirname, '../../native-bpf/wire.h'), 'utf8');
    const defines = [...header.matchAll(/^#define (\w+)\s+(\d\w*)/gm)];
    expect(
      Object.fromEntries(
        defines.map(([, name, value]) => [name, Number(value!.replace('ULL', ''))]),
      ),
    ).toEqual({
      MAX_STACK_DEPTH: MAX_FRAMES,
      MAX_CPUS,
      SAMPLE_KERNEL_TRUNCATED: SAMPLE_FLAGS.kernelTruncated,
      SAMPLE_USER_TRUNCATED: SAMPLE_FLAGS.userTruncated,
      SAMPLE_KERNEL_MISSED: SAMPLE_FLAGS.kernelMissed,
      SAMPLE_USER_MISSED: SAMPLE_FLAGS.userMissed,
      SAMPLE_IDLE: SAMPLE_FLAGS.idle,
      SAMPLE_INTERRUPT: SAMPLE_FLAGS.interrupt,
      SAMPLE_UNWIND_SHIFT,
      UNWIND_STOPS: UNWIND_STOPS.length,
      ...unwindCodes,
      RECORD_SAMPLE: RECORD_KINDS.sample,
      RECORD_PENDING: RECORD_KINDS.pending,
      RECORD_USER_STACK: RECORD_KINDS.userStack,
      RECORD_WAKER: RECORD_KINDS.waker,
      RECORD_EXAMPLE: RECORD_KINDS.example,
      RECORD_EVENT: RECORD_KINDS.event,
      RECORD_PENDING_EXAMPLE: RECORD_KINDS.pendingExample,
      LATENCY_SUB_BITS,
      LATENCY_OVERFLOW_BUCKET,
      EXAMPLES_PER_BUCKET,
      SLICE_NS,
      MAX_PAYLOAD,
      MAX_FILTER_STEPS: MAX_FILTER_STEPS + 1,
      ARGUMENT_VALUE: ARGUMENT_PLACES.value,
      ARGUMENT_MEMORY: ARGUMENT_PLACES.memory,
      ARGUMENT_TEXT: ARGUMENT_PLACES.text,
      ARGUMENT_TEXT_BYTES,
      MAX_ARGUMENTS: 16,
      REGISTER_WORDS: REGISTER.none + 1,
      REGISTER_TOOK: REGISTER.took,
      REGISTER_NONE: REGISTER.none,
      ...{ FILTER_TEXT: 16, FILTER_NUMBER: 0, FILTER_STRING: 1 },
      ...{ FILTER_AND: 2, FILTER_OR: 3, FILTER_NOT: 4 },
      ...{ COMPARE_EQUAL: 0, COMPARE_NOT_EQUAL: 1, COMPARE_LESS: 2 },
      ...{ COMPARE_LESS_EQUAL: 3, COMPARE_BITS: 4 },
      DETAIL_EVENTS: DETAIL_CODES.events,
      DETAIL_HISTOGRAM: DETAIL_CODES.histogram,
      TARGET_MACHINE: TARGET_KINDS.machine,
      TARGET_PROCESS: TARGET_KINDS.process,
      TARGET_CGROUP: TARGET_KINDS.cgroup,
      ANY_UID,
      UNWIND_MODE_FP: UNWIND_MODE_CODES.fp,
      UNWIND_MODE_AUTO: UNWIND_MODE_CODES.auto,
      UNWIND_MODE_EH: UNWIND_MODE_CODES.eh,
      UNWIND_MAPPING_TABLE: MAPPING_KINDS.table,
      UNWIND_MAPPING_PENDING: MAPPING_KINDS.pending,
      UNWIND_MAPPING_JIT: MAPPING_KINDS.jit,
      UNWIND_MAPPING_RULE: MAPPING_KINDS.rule,
      UNWIND_MAPPING_BARE: MAPPING_KINDS.bare,
      UNWIND_PAGE_SHIFT: UNWIND_LIMITS.pageShift,
      UNWIND_CHUNK_SHIFT: UNWIND_LIMITS.chunkShift,
      UNWIND_CHUNKS: UNWIND_LIMITS.chunks,
      UNWIND_PAGES: UNWIND_LIMITS.pages,
      UNWIND_RULES: UNWIND_LIMITS.rules,
      UNWIND_MAPPINGS: UNWIND_LIMITS.mappings,
      UNWIND_PROCESSES: UNWIND_LIMITS.processes,
      UNWIND_WANTED_BYTES: UNWIND_LIMITS.wantedBytes,
    });
  });
});
