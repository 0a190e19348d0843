import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import {
  type CaptureSpec,
  MAX_SOURCES,
  type SourceKind,
  type SourceSpec,
} from '#shared/model/capture-spec.ts';
import { err, ok, type Result } from '#shared/result.ts';

import type {
  CaptureSource,
  LabelFacts,
  SeriesKey,
  SeriesLabel,
  SpecOf,
} from '../capture-source.ts';
import { checkCostLimit, checkDuration, checkStacks, checkTarget } from '../spec-checks.ts';
import type { SourceRequest } from '../wire/helper-protocol.ts';
import { blockIo } from './block-io.ts';
import { count } from './count.ts';
import { functionLatency } from './function.ts';
import { offCpu } from './off-cpu.ts';
import { onCpu } from './on-cpu.ts';
import { runQueue } from './run-queue.ts';
import { syscalls } from './syscalls.ts';
import { trace } from './trace.ts';

/** THE list of capture sources. */
export const CAPTURE_SOURCES = [
  ...([onCpu, offCpu, runQueue, functionLatency, syscalls] as const),
  ...([blockIo, count, trace] as const),
] as const;

const BY_KIND = new Map<string, CaptureSource>(
  CAPTURE_SOURCES.map((source) => [source.kind, source as unknown as CaptureSource]),
);

/** The source of a kind; the type admits registered kinds only. */
export function captureSource<K extends SourceKind>(kind: K): CaptureSource<K> {
  const source = BY_KIND.get(kind);
  invariant(source !== undefined, `capture source ${kind} is not registered`);
  return source as unknown as CaptureSource<K>;
}

/** Everything that can be told to be wrong with a spec before anything is started. */
export function validateSpec(spec: CaptureSpec): Result<null, ProfilerError> {
  for (const check of [checkTarget, checkDuration, checkStacks, checkCostLimit, checkSources]) {
    const checked = check(spec);
    if (!checked.ok) return checked;
  }
  for (const source of spec.sources) {
    const checked = captureSource(source.kind).validate(source, spec);
    if (!checked.ok) return checked;
  }
  return ok(null);
}

function checkSources({ sources }: CaptureSpec): Result<null, ProfilerError> {
  const refuse = (value: string, allowed: string): Result<null, ProfilerError> =>
    err({ kind: 'spec-invalid', field: 'sources', value, allowed });
  if (sources.length === 0 || sources.length > MAX_SOURCES) {
    return refuse(`${sources.length} sources`, `1 to ${MAX_SOURCES}`);
  }
  const once: SourceKind[] = ['on-cpu', 'off-cpu', 'run-queue', 'syscalls', 'block-io'];
  const twice = once.find((kind) => sources.filter((source) => source.kind === kind).length > 1);
  return twice === undefined ? ok(null) : refuse(`${twice} twice`, 'each of these once');
}

/** The helper's view of all sources, in order. */
export async function sourceRequests(
  spec: CaptureSpec,
): Promise<Result<SourceRequest[], ProfilerError>> {
  const requests: SourceRequest[] = [];
  for (const source of spec.sources) {
    const request = await captureSource(source.kind).toRequest(source, spec);
    if (!request.ok) return request;
    requests.push(request.value);
  }
  return ok(requests);
}

/** Name of a source of a recording. */
export const sourceTitle = <K extends SourceKind>(source: SpecOf<K>): string =>
  captureSource<K>(source.kind).titleOf(source);

/** Name of one of its keys. */
export function seriesLabel(source: SourceSpec, key: SeriesKey, facts: LabelFacts): SeriesLabel {
  const kind = captureSource(source.kind);
  return kind.labelOf?.(key, source, facts) ?? { name: sourceTitle(source), variant: '' };
}
