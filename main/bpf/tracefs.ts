import { existsSync } from 'node:fs';
import type { ProfilerError } from '#shared/errors.ts';
import { nearNames } from '#shared/text/near-names.ts';
import { listTracepoints, TRACEFS, type Tracepoint } from './tracepoint-list.ts';

/** Why a tracepoint cannot be found: there is none of its name, or nobody can see any. */
export function tracepointNotFound({ category, name }: Tracepoint): ProfilerError {
  const probe = `tracepoint:${category}:${name}`;
  if (!TRACEFS.some((root) => existsSync(`${root}/events`))) {
    const reason =
      'tracefs is not mounted, or not ours to read. Run "mount -t tracefs tracefs /sys/kernel/tracing" as root';
    return { kind: 'probe-unsupported', probe, reason };
  }
  const names = (listTracepoints() ?? []).map((known) => `${known.category}:${known.name}`);
  return { kind: 'probe-not-found', probe, similar: nearNames(`${category}:${name}`, names) };
}
