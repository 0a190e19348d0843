import { resolve } from 'node:path';
import type { ProfilerError } from '#shared/errors.ts';
import type {
  CountedEvent,
  FunctionProbe,
  LatencyDetail,
  SourceSpec,
  TraceProbe,
} from '#shared/model/capture-spec.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { parseDuration } from '#shared/text/parse-duration.ts';
import { NS_PER_MS } from '#shared/units.ts';

/** Waits shorter than this are only summed unless the user asks for less. */
const OFF_CPU_MIN_NS = NS_PER_MS;
const TRACE_PER_SECOND = 10_000;

/** Options of `record` that say what is measured. */
export interface SourceOptions {
  readonly onCpu: boolean;
  readonly offCpu?: string | true;
  readonly wakers?: boolean;
  readonly runQueue?: string | true;
  readonly syscalls?: boolean;
  readonly blockIo?: boolean;
  readonly function?: readonly string[];
  readonly count?: readonly string[];
  readonly trace?: readonly string[];
  readonly filter?: string;
  readonly returns?: boolean;
  readonly traceLimit?: number;
  readonly min?: string;
  readonly detail?: LatencyDetail;
}

type Parsed<T> = Result<T, ProfilerError>;

const refuse = (field: string, value: string, allowed: string): Result<never, ProfilerError> =>
  err({ kind: 'spec-invalid', field, value, allowed });

/** What is to be measured, as the options say. */
export function sourcesOf(options: SourceOptions): Parsed<SourceSpec[]> {
  const sources: SourceSpec[] = options.onCpu ? [{ kind: 'on-cpu' }] : [];
  const min = durationOf('--min', options.min, 0);
  if (!min.ok) return min;
  const minNs = min.value;
  const detailOr = (usual: LatencyDetail): LatencyDetail => options.detail ?? usual;
  if (options.offCpu !== undefined) {
    const least = durationOf('--off-cpu', options.offCpu, OFF_CPU_MIN_NS);
    if (!least.ok) return least;
    sources.push({ kind: 'off-cpu', minNs: least.value, wakers: options.wakers ?? false });
  }
  if (options.runQueue !== undefined) {
    const least = durationOf('--run-queue', options.runQueue, minNs);
    if (!least.ok) return least;
    sources.push({ kind: 'run-queue', minNs: least.value, detail: detailOr('histogram') });
  }
  for (const text of options.function ?? []) {
    const probe = functionProbe(text);
    sources.push({ kind: 'function', probe, minNs, detail: detailOr('histogram') });
  }
  if (options.syscalls === true) {
    sources.push({ kind: 'syscalls', minNs, detail: detailOr('histogram') });
  }
  if (options.blockIo === true) {
    sources.push({ kind: 'block-io', minNs, detail: detailOr('events') });
  }
  for (const text of options.count ?? []) {
    const event = countedEvent(text);
    if (!event.ok) return event;
    sources.push({ kind: 'count', ...event.value });
  }
  for (const text of options.trace ?? []) {
    const probe = traceProbe(text);
    if (!probe.ok) return probe;
    const perSecond = options.traceLimit ?? TRACE_PER_SECOND;
    const filter = options.filter ?? '';
    const limits = { stacks: true, returns: options.returns ?? false, perSecond };
    sources.push({ kind: 'trace', probe: probe.value, filter, ...limits });
  }
  return ok(sources);
}

function durationOf(field: string, text: string | true | undefined, usual: number): Parsed<number> {
  if (text === undefined || text === true) return ok(usual);
  const ns = parseDuration(text);
  return ns === null ? refuse(field, text, 'a duration such as 500us, 10ms or 1s') : ok(ns);
}

/** "vfs_read", "vfs_*", "/usr/bin/app:function", "/usr/bin/app:+0x1230". */
export function functionProbe(text: string): FunctionProbe {
  const colon = text.lastIndexOf(':');
  if (colon < 0) return { type: 'kernel', name: text };
  return { type: 'user', path: resolve(text.slice(0, colon)), symbol: text.slice(colon + 1) };
}

/** "page-faults", "page-faults/100" (every hundredth), "block:block_rq_issue". */
function countedEvent(text: string): Parsed<{ event: CountedEvent; period: number }> {
  const [name = '', every = '1'] = text.split('/');
  const period = Number(every);
  const parts = name.split(':');
  if (name === '' || !Number.isInteger(period) || period < 1 || parts.length > 2) {
    return refuse('--count', text, 'EVENT or CATEGORY:NAME, with /N for every N-th');
  }
  const [category = '', event] = parts;
  return ok({
    event:
      event === undefined ? { type: 'perf', name } : { type: 'tracepoint', category, name: event },
    period,
  });
}

/** A function as above, "tracepoint:CATEGORY:NAME" or "usdt:PATH:PROVIDER:NAME". */
function traceProbe(text: string): Parsed<TraceProbe> {
  const [type, ...rest] = text.split(':');
  if (type === 'tracepoint' && rest.length === 2) {
    return ok({ type, category: rest[0]!, name: rest[1]! });
  }
  if (type === 'usdt' && rest.length === 3) {
    return ok({ type, path: resolve(rest[0]!), provider: rest[1]!, name: rest[2]! });
  }
  if (type === 'tracepoint' || type === 'usdt') {
    return refuse('--trace', text, 'tracepoint:CATEGORY:NAME or usdt:PATH:PROVIDER:NAME');
  }
  return ok(functionProbe(text));
}
