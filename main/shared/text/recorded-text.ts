import type { SessionInfo } from '../model/session-info.ts';
import { formatQuantity } from './format-value.ts';

/** "1 234 samples", with "and 56 events" where the recording measures more than CPUs. */
export function recordedText({ spec, totalWeight, sampleCount }: SessionInfo): string {
  const isSampling = spec.sources[0]?.kind === 'on-cpu';
  if (!isSampling) return formatQuantity(sampleCount, 'event');
  const samples = formatQuantity(totalWeight, 'sample');
  if (spec.sources.length === 1) return samples;
  // Samples come one by one in recordings that measure more than one thing at the usual rate.
  return `${samples} and ${formatQuantity(Math.max(0, sampleCount - totalWeight), 'event')}`;
}
