import type { CaptureSpec } from '#shared/model/capture-spec.ts';
import { formatDuration, formatQuantity } from '#shared/text/format-value.ts';
import { lostSamples } from '#shared/text/loss-text.ts';
import { printable } from '#shared/text/printable-text.ts';
import { recordedText } from '#shared/text/recorded-text.ts';
import { describeTarget } from '#shared/text/target-text.ts';
import { startRecording } from '../../capture/capture-controller.ts';
import type { Recording, RecordingEnd } from '../../capture/recording.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { ProgressLine } from '../progress-line.ts';
import { ownCostOf } from '../report-data.ts';
import { headLines } from '../report-text.ts';
import { log, out, printError } from '../terminal.ts';

/** How a recording behaves towards the person who started it. */
export interface RecordManners {
  /** Replace an existing file. */
  readonly force: boolean;
  /** Nothing but errors on standard error. */
  readonly quiet: boolean;
  /** The outcome as JSON on standard output. */
  readonly json: boolean;
}

/** Records into `path` until the target ends, the time is over or Ctrl-C; prints what came of it. */
export async function runRecord(
  spec: CaptureSpec,
  path: string,
  manners: RecordManners,
): Promise<ExitCode> {
  const end = await recordToEnd(spec, path, manners);
  if (typeof end === 'number') return end;
  if (manners.json) {
    out.write(jsonText({ path, ...end, ownCost: ownCostOf(end.info) }));
  } else if (!manners.quiet) {
    printSummary(path, end);
  }
  return end.error === null ? EXIT.ok : printError(end.error);
}

/** The recording's end, or the exit code of the error that kept it from starting. */
export async function recordToEnd(
  spec: CaptureSpec,
  path: string,
  { force, quiet }: RecordManners,
): Promise<RecordingEnd | ExitCode> {
  const progress = new ProgressLine(log, { quiet });
  const interrupts = new Interrupts(progress);
  try {
    const started = await startRecording(spec, path, {
      force,
      stdio: 'inherit',
      signal: interrupts.beforeStart,
      onAuthentication: () => {
        interrupts.waitForPassword();
        if (!quiet) log.line('Waiting for authentication: answer the dialog of the system.');
      },
      onProgress: (state) => progress.show(state),
    });
    if (!started.ok) return printError(started.error);
    interrupts.finish(started.value);
    if (!quiet && !log.isTerminal) {
      log.line(`Recording: ${printable(describeTarget(spec.target))}. Ctrl-C finishes the file.`);
    }
    return await started.value.ended;
  } finally {
    interrupts[Symbol.dispose]();
    progress.clear();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The first signal finishes the file, even while the recording still starts, or takes back the question
 * for a password; a second one gives up.
 */
class Interrupts {
  readonly #progress: ProgressLine;
  readonly #withdrawal = new AbortController();
  #recording: Recording | null = null;
  #asked = false;
  #isAuthenticating = false;

  constructor(progress: ProgressLine) {
    this.#progress = progress;
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** Aborted when the recording is not to begin. */
  get beforeStart(): AbortSignal {
    return this.#withdrawal.signal;
  }

  /** From now on, until there is a recording, a signal takes the question back. */
  waitForPassword(): void {
    this.#isAuthenticating = true;
  }

  /** From now on there is something to finish. */
  finish(recording: Recording): void {
    this.#recording = recording;
    if (this.#asked) void recording.stop();
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (): void => {
    if (this.#asked) {
      this.#progress.clear();
      log.line('emberscope: given up. The file holds all but about the last second.');
      process.exit(EXIT.interrupted);
    }
    this.#asked = true;
    if (this.#recording === null && this.#isAuthenticating) this.#withdrawal.abort();
    void this.#recording?.stop();
  };
}

const REASONS: Readonly<Record<RecordingEnd['reason'], string>> = {
  stopped: 'stopped',
  'duration-over': 'time is over',
  'target-exited': 'the target ended',
  failed: 'stopped by an error',
};

function printSummary(path: string, end: RecordingEnd): void {
  const { info } = end;
  const lost = lostSamples(info.loss);
  log.line(
    `${recordedText(info)} in ${formatDuration(info.duration)} (${REASONS[end.reason]}), ${lost === 0 ? 'none' : formatQuantity(lost, 'sample')} lost`,
  );
  // Losses with their remedies and the own cost, as the report words them.
  const facts = headLines(info);
  for (const line of facts.slice(facts.findIndex((text) => text.startsWith('loss')) + 1)) {
    log.line(line);
  }
  if (end.commandExitCode !== null && end.commandExitCode !== 0) {
    log.line(`the command exited with status ${end.commandExitCode}`);
  }
  log.line(`written to ${printable(path)}`);
}
