import * as z from 'zod';

import { type Channel, EXPORT_FORMATS, type RequestOf } from '#shared/ipc/contract.ts';
import { WALL_CLOCK } from '#shared/model/call-tree-selection.ts';
import {
  type CaptureSpec,
  LATENCY_DETAILS,
  MAX_SOURCES,
  type SourceSpec,
  UNWIND_MODES,
} from '#shared/model/capture-spec.ts';
import { MAX_PROBES_LISTED, PROBE_KINDS } from '#shared/model/probe-list.ts';
import type { Hertz, Nanoseconds, Pid } from '#shared/units.ts';

/** What any text field may hold at most, characters: paths are PATH_MAX, command lines longer. */
const MAX_TEXT = 65_536;
const MAX_ARGUMENTS = 4096;
/** Events of a trace asked for at once. */
const MAX_EVENTS = 1000;

const text = z.string().max(MAX_TEXT);
/** An absolute path: the window and its page have no working folder to be relative to. */
const path = text.regex(/^\/[^\0]*$/);
const nothing = z.strictObject({});
// Numbers are checked for shape only; ranges are the capture source's business and its error.
const hertz = z.number().transform((value) => value as Hertz);
const nanoseconds = z.number().transform((value) => value as Nanoseconds);
const pid = z.number().transform((value) => value as Pid);

const target = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('machine') }),
  z.strictObject({ kind: z.literal('process'), pid }),
  z.strictObject({ kind: z.literal('cgroup'), path: text }),
  z.strictObject({
    kind: z.literal('command'),
    argv: z.array(text).max(MAX_ARGUMENTS),
    cwd: path,
  }),
]);

const minNs = z.number();
const detail = z.enum(LATENCY_DETAILS);
const functionProbes = [
  z.strictObject({ type: z.literal('kernel'), name: text }),
  z.strictObject({ type: z.literal('user'), path: text, symbol: text }),
] as const;
const tracepoint = z.strictObject({
  type: z.literal('tracepoint'),
  category: text,
  name: text,
});
const usdt = z.strictObject({ type: z.literal('usdt'), path: text, provider: text, name: text });

const source: z.ZodType<SourceSpec> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('on-cpu') }),
  z.strictObject({ kind: z.literal('off-cpu'), minNs, wakers: z.boolean() }),
  z.strictObject({ kind: z.literal('run-queue'), minNs, detail }),
  z.strictObject({
    kind: z.literal('function'),
    probe: z.discriminatedUnion('type', functionProbes),
    ...{ minNs, detail },
  }),
  z.strictObject({ kind: z.literal('syscalls'), minNs, detail }),
  z.strictObject({ kind: z.literal('block-io'), minNs, detail }),
  z.strictObject({
    kind: z.literal('count'),
    event: z.discriminatedUnion('type', [
      tracepoint,
      z.strictObject({ type: z.literal('perf'), name: text }),
    ]),
    period: z.number(),
  }),
  z.strictObject({
    kind: z.literal('trace'),
    probe: z.discriminatedUnion('type', [...functionProbes, tracepoint, usdt]),
    filter: text,
    stacks: z.boolean(),
    returns: z.boolean(),
    perSecond: z.number(),
  }),
]);

const spec: z.ZodType<CaptureSpec> = z.strictObject({
  sources: z.array(source).max(MAX_SOURCES),
  target,
  rate: hertz,
  mode: z.enum(['precise', 'aggregate']),
  includeIdle: z.boolean(),
  costLimit: z.number(),
  kernelStacks: z.boolean(),
  userStacks: z.boolean(),
  unwind: z.enum(UNWIND_MODES),
  duration: nanoseconds.nullable(),
});

const sessionId = z.int().nonnegative();

/** The shape of every request; nothing reaches the engine unchecked. */
export const REQUEST_SCHEMAS: { readonly [C in Channel]: z.ZodType<RequestOf<C>> } = {
  'app.info': nothing,
  'processes.list': nothing,
  'doctor.run': nothing,
  'capture.start': z.strictObject({ spec }),
  'capture.cancel': nothing,
  'capture.stop': nothing,
  'session.open': z.strictObject({ path }),
  'session.close': z.strictObject({ id: sessionId }),
  'session.saveAs': z.strictObject({ id: sessionId, path }),
  'session.events': z.strictObject({
    id: sessionId,
    source: z.int().nonnegative(),
    ordinals: z.array(z.int().nonnegative()).max(MAX_EVENTS),
  }),
  'session.export': z.strictObject({
    ...{ id: sessionId, format: z.enum(EXPORT_FORMATS), path },
    source: z.int().min(WALL_CLOCK).max(MAX_SOURCES).optional(),
  }),
  'probes.search': z.strictObject({
    query: z.string().max(1000),
    kind: z.enum(PROBE_KINDS),
    path: z.union([z.literal(''), path]),
    offset: z.int().nonnegative(),
    limit: z.int().min(1).max(MAX_PROBES_LISTED),
  }),
  'probes.estimate': z.strictObject({ source, target }),
  'recents.list': nothing,
  'recents.forget': z.strictObject({ path }),
};

/** A request as it comes over a port; `channel` and `request` are for the engine to judge. */
export const portRequestSchema = z.object({
  call: z.int().nonnegative(),
  channel: z.string().max(100),
  request: z.unknown(),
});

/** A request whose channel nobody has looked at yet. */
export type RawPortRequest = z.infer<typeof portRequestSchema>;

/** Whether a channel of this name exists. */
export const isChannel = (name: string): name is Channel => Object.hasOwn(REQUEST_SCHEMAS, name);
