import type { TraceProbe } from '../model/capture-spec.ts';

/** A probe as people write it on the command line. */
export function probeText(probe: TraceProbe): string {
  switch (probe.type) {
    case 'kernel':
      return probe.name;
    case 'user':
      return `${probe.path}:${probe.symbol}`;
    case 'tracepoint':
      return `${probe.category}:${probe.name}`;
    case 'usdt':
      return `${probe.path}:${probe.provider}:${probe.name}`;
  }
}
