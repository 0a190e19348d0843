import { invariant } from '#shared/invariant.ts';
import type { CaptureSpec } from '#shared/model/capture-spec.ts';

import type { CaptureSource } from '../capture-source.ts';
import { onCpu } from './on-cpu.ts';

/** THE list of capture sources. */
export const CAPTURE_SOURCES: readonly CaptureSource[] = [onCpu];

const BY_ID = new Map(CAPTURE_SOURCES.map((source) => [source.id, source]));

/** The source a spec names; the type of `id` admits registered sources only. */
export function captureSource(id: CaptureSpec['source']): CaptureSource {
  const source = BY_ID.get(id);
  invariant(source !== undefined, `capture source ${id} is not registered`);
  return source;
}
