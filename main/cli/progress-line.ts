import { formatCount, formatElapsed, formatPercent } from '#shared/text/format-value.ts';
import { lostSamples } from '#shared/text/loss-text.ts';
import { recordedText } from '#shared/text/recorded-text.ts';
import type { RecordingProgress } from '../capture/recording.ts';
import type { Output } from './terminal.ts';

/** Redrawn at most this often. */
const INTERVAL_MS = 200;
/** Return to the first column and erase the line, ECMA-48 EL. */
const CLEAR = '\r\x1b[K';

/** One line on a terminal that tells how a recording goes; nothing where there is no terminal. */
export class ProgressLine {
  readonly #output: Output;
  readonly #enabled: boolean;
  #drawnAt = -Infinity;
  #phase: RecordingProgress['phase'] = 'starting';

  constructor(output: Output, options: { readonly quiet: boolean }) {
    this.#output = output;
    this.#enabled = output.isTerminal && !options.quiet;
  }

  show(progress: RecordingProgress): void {
    if (!this.#enabled || progress.phase === 'done') return;
    const now = performance.now();
    const changed = progress.phase !== this.#phase;
    if (!changed && now - this.#drawnAt < INTERVAL_MS) return;
    this.#phase = progress.phase;
    this.#drawnAt = now;
    const text = progressText(progress);
    // A line that wraps could not be erased again.
    this.#output.write(`${CLEAR}${text.slice(0, (this.#output.columns ?? text.length + 1) - 1)}`);
  }

  clear(): void {
    if (this.#enabled) this.#output.write(CLEAR);
  }
}

/** "12 s   1 234 samples   0 lost   own cost 0.82 % of a CPU". */
export function progressText({
  phase,
  elapsed,
  info,
  symbolsRemaining,
}: RecordingProgress): string {
  if (phase === 'starting') return 'starting …';
  const samples = recordedText(info);
  if (phase === 'finishing') {
    return `finishing: ${samples}, ${formatCount(symbolsRemaining)} frames left to name`;
  }
  const { bpfNs, helperCpuNs, engineCpuNs } = info.cost;
  const share = elapsed > 0 ? (bpfNs + helperCpuNs + engineCpuNs) / elapsed : 0;
  return [
    formatElapsed(elapsed).padStart(7),
    samples,
    `${formatCount(lostSamples(info.loss))} lost`,
    `own cost ${formatPercent(share)} of a CPU`,
    'Ctrl-C finishes',
  ].join('   ');
}
