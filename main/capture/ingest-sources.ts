import type { CaptureSpec, SourceSpec } from '#shared/model/capture-spec.ts';
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
      fields: '',
    },
    hasSeries: captureSource(source.kind).labelOf !== undefined,
  }));

/** Off-CPU waits come one by one. */
function detailOf(source: SourceSpec): string {
  if ('detail' in source) return source.detail;
  return source.kind === 'off-cpu' ? 'events' : '';
}
