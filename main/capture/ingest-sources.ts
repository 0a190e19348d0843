import type { CaptureSpec, SourceSpec } from '#shared/model/capture-spec.ts';
import { readTraceFields, type TraceField } from '#shared/model/trace-fields.ts';
import type { IngestSource } from './session-ingest.ts';
import { captureSource, sourceTitle } from './sources/index.ts';
import type { Started } from './wire/helper-protocol.ts';

/** The sources of a recording as their records are taken in and as the file describes them. */
export const ingestSources = (
  { sources }: CaptureSpec,
  { mechanisms }: Started,
): readonly IngestSource[] =>
  sources.map((source, index) => ({
    row: {
      kind: source.kind,
      title: sourceTitle(source),
      unit: captureSource(source.kind).unit,
      mechanism: mechanisms[index]?.name ?? '',
      note: mechanisms[index]?.note ?? '',
      detail: detailOf(source),
      fields: source.kind === 'trace' ? JSON.stringify(mechanisms[index]?.fields ?? []) : '',
    },
    hasSeries: captureSource(source.kind).labelOf !== undefined,
    ...(source.kind === 'trace'
      ? { readFields: fieldReader(mechanisms[index]?.fields ?? []) }
      : {}),
  }));

/** Off-CPU waits come one by one. */
function detailOf(source: SourceSpec): string {
  if ('detail' in source) return source.detail;
  return source.kind === 'off-cpu' ? 'events' : '';
}

/** An event's values as JSON text. */
const fieldReader =
  (fields: readonly TraceField[]) =>
  (payload: Uint8Array): string =>
    JSON.stringify(readTraceFields(fields, payload));
