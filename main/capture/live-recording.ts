import { setTimeout as delay, setImmediate as yieldToEvents } from 'node:timers/promises';

import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import type { CaptureMode } from '#shared/model/capture-spec.ts';
import type {
  CaptureEndReason,
  LossReason,
  SessionEnd,
  SessionInfo,
} from '#shared/model/session-info.ts';
import { describeError } from '#shared/text/error-text.ts';
import { nanoseconds } from '#shared/units.ts';

import type { SessionMeta } from '../store/meta.ts';
import { FORMAT_VERSION } from '../store/schema.ts';
import type { SessionWriter } from '../store/session-writer.ts';
import { isEmptyBatch } from './batch-builder.ts';
import type { HelperClient, HelperEnd } from './helper-client.ts';
import type { HelperInbox } from './helper-inbox.ts';
import { internalError } from './internal-error.ts';
import { JvmMaps } from './jvm-maps.ts';
import { type EngineLoss, OwnCost } from './own-cost.ts';
import type {
  Recording,
  RecordingEnd,
  RecordingOptions,
  RecordingPhase,
  RecordingProgress,
} from './recording.ts';
import { type IngestSource, SessionIngest } from './session-ingest.ts';
import { seriesLabel } from './sources/index.ts';
import { SymbolFeed } from './symbol-feed.ts';
import type { SymbolSide } from './symbol-side.ts';
import type { LaunchedTarget } from './target-launch.ts';
import { YoungGenerationLimit } from './young-generation.ts';

/**
 * Samples are committed as they arrive, but not before this long after the last commit: the helper sends
 * them less often than that while little happens, so that one wake-up does for both.
 */
const COMMIT_INTERVAL_MS = 400;
/** At most half a second between commits is promised: what a crash can cost. */
const LONGEST_COMMIT_INTERVAL_MS = 490;
/** What one drain of the helper brings arrives in several messages within this, ms. */
const REST_OF_DRAIN_MS = 5;
/** Longest stretch of symbol work between two looks at the pipes, ms. */
const SYMBOL_SLICE_MS = 20;
/**
 * Symbol work after each commit, ms: a third of the time, at the moment when the least is lost by
 * a slow one (opening the symbols of a large program takes 0.1 s and more).
 */
const SYMBOL_TURN_MS = 110;
/** Frames that wait for work done beside are looked at again after this, ms. */
const PENDING_PAUSE_MS = 20;
/** Samples held while a commit runs, beyond which the helper has to wait. */
const MAX_WAITING_SAMPLES = 500_000;
/** Frames without a name are asked for again this often: names of some come late. */
const RETRY_MS = 3000;
/**
 * Facts wait this long for samples older than themselves, ns. Precise: the helper drains several
 * times as often. Aggregate: a sample arrives with its slice, which lasts a second and is drained after that.
 */
const FACT_SLACK_NS: Readonly<Record<CaptureMode, number>> = { precise: 1e9, aggregate: 2.5e9 };
/** Kept of what went wrong, characters: a verifier's log is no sentence. */
const MAX_END_TEXT = 1000;
/** A launched command gets this long to end after SIGTERM before it is left alone, ms. */
const COMMAND_END_WAIT_MS = 2000;

/** Everything a running capture consists of; startRecording() puts it together. */
export interface RecordingParts {
  readonly helper: HelperClient;
  readonly inbox: HelperInbox;
  readonly writer: SessionWriter;
  readonly symbols: SymbolSide;
  readonly meta: SessionMeta;
  /** Those of meta.spec, as their records are taken in. */
  readonly sources: readonly IngestSource[];
  /** CLOCK_MONOTONIC at session start, ns. */
  readonly startNs: bigint;
  readonly launched: LaunchedTarget | null;
  readonly options: RecordingOptions;
}

/** A capture from its first sample to the closed file. */
export class LiveRecording implements Recording {
  readonly #parts: RecordingParts;
  readonly #ingest: SessionIngest;
  readonly #feed: SymbolFeed;
  readonly #cost = new OwnCost();
  readonly #jvmMaps = new JvmMaps();
  readonly #young = new YoungGenerationLimit();
  readonly ended: Promise<RecordingEnd>;
  #phase: RecordingPhase = 'recording';
  /** Why it was asked to end; null: nobody asked. */
  #stopReason: CaptureEndReason | null = null;
  /** The first thing that went wrong on this side. */
  #error: ProfilerError | null = null;
  #commit: Promise<void> | null = null;
  #skipSymbols = false;
  #isPaused = false;
  #isSymbolizing = false;
  #durationTimer: NodeJS.Timeout | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  /** When the latest commit of anything began, performance.now(). */
  #committedAtMs = performance.now();
  /** The timer stands at the end of a drain. */
  #isCommitNear = false;
  #endNs: number | null = null;
  #end: SessionEnd | null = null;
  #lastRetry = performance.now();

  constructor(parts: RecordingParts) {
    this.#parts = parts;
    const { meta, symbols, inbox, helper } = parts;
    this.#ingest = new SessionIngest(parts.sources, String(parts.startNs), {
      buildIdOf: (mapping, pid) => symbols.buildIdOf(mapping, pid),
      nameOf: (source, key) => seriesLabel(meta.spec.sources[source]!, key, symbols.labelFacts),
    });
    this.#feed = new SymbolFeed(this.#ingest.tables, symbols);
    inbox.deliverTo(
      {
        kallsyms: (text) => symbols.addKallsyms(text),
        facts: (facts) => {
          symbols.noteFacts(facts);
          this.#ingest.addFacts(facts);
        },
        data: (payload) => this.#receive(payload),
        histogram: (payload) => {
          this.#ingest.addHistogram(payload);
          this.#commitAfterDrain();
        },
        stats: (stats) => this.#cost.report(stats),
      },
      () => {
        this.#ingest.useKernel(symbols.kernel());
        // The samples that waited for this follow at once: write them down at once.
        setImmediate(() => this.#startCommit());
      },
    );
    this.#startTimers();
    this.ended = helper.ended.then((end) => this.#finish(end));
    void parts.launched?.exited.then(() => this.#stopHelper('target-exited'));
  }

  get path(): string {
    return this.#parts.writer.path;
  }

  get helperPid(): number {
    return this.#parts.helper.pid;
  }

  progress(): RecordingProgress {
    return {
      phase: this.#phase,
      elapsed: nanoseconds(this.#elapsedNs()),
      info: this.#info(),
      symbolsRemaining: this.#feed.remaining,
    };
  }

  stop(): Promise<RecordingEnd> {
    this.#stopHelper('stopped');
    return this.ended;
  }

  skipSymbols(): void {
    this.#skipSymbols = true;
  }

  #startTimers(): void {
    const { duration } = this.#parts.meta.spec;
    this.#commitIn(LONGEST_COMMIT_INTERVAL_MS);
    if (duration !== null) {
      const leftMs = Math.max(0, (duration - this.#elapsedNs()) / 1e6);
      this.#durationTimer = setTimeout(() => this.#stopHelper('duration-over'), leftMs);
    }
  }

  #stopHelper(reason: CaptureEndReason): void {
    if (this.#stopReason !== null || this.#phase !== 'recording') return;
    this.#stopReason = reason;
    this.#resume();
    this.#parts.helper.stop();
  }

  /** Ends the capture for a failure on this side; what was committed stays. */
  #fail(error: ProfilerError): void {
    this.#error ??= error;
    this.#stopHelper('failed');
  }

  #receive(payload: Uint8Array): void {
    this.#ingest.addSamples(payload);
    this.#commitAfterDrain();
    if (this.#ingest.waitingSamples > MAX_WAITING_SAMPLES && !this.#isPaused) {
      this.#isPaused = true;
      this.#parts.helper.pause();
      this.#startCommit();
    }
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#parts.helper.resume();
  }

  #commitIn(delayMs: number): void {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = setTimeout(() => this.#startCommit(), delayMs);
  }

  /** Something to keep has arrived, and the rest of its drain is about to. */
  #commitAfterDrain(): void {
    if (this.#isCommitNear || performance.now() < this.#committedAtMs + COMMIT_INTERVAL_MS) return;
    this.#isCommitNear = true;
    this.#commitIn(REST_OF_DRAIN_MS);
  }

  /** One commit at a time; what arrives meanwhile waits for the next. */
  #startCommit(): void {
    if (this.#phase !== 'recording') return;
    this.#isCommitNear = false;
    this.#commitIn(LONGEST_COMMIT_INTERVAL_MS);
    this.#commit ??= this.#commitNow().finally(() => {
      this.#commit = null;
      this.#resume();
      void this.#attempt(() => this.#symbolTurn());
    });
  }

  /** Never rejects: whatever goes wrong ends the capture. */
  async #commitNow(): Promise<void> {
    this.#young.check();
    await this.#attempt(() => this.#commitBatch());
    await this.#attempt(() => this.#tellProgress());
  }

  /** Runs a step that must not stop what comes after it: a bug in it is the capture's failure. */
  async #attempt(step: () => void | Promise<void>): Promise<void> {
    try {
      await step();
    } catch (thrown) {
      this.#fail(internalError(thrown));
    }
  }

  async #commitBatch(): Promise<void> {
    const slackNs = FACT_SLACK_NS[this.#parts.meta.spec.mode];
    this.#ingest.applyFactsUntil(this.#elapsedNs() - slackNs);
    this.#ingest.flush(false);
    const batch = this.#ingest.takeBatch({
      loss: this.#cost.takeChangedLoss(this.#engineLoss()),
      cost: this.#cost.takeRow(this.#elapsedNs()),
      found: this.#feed.take(),
    });
    if (!isEmptyBatch(batch) && this.#error === null) {
      this.#committedAtMs = performance.now();
      const written = await this.#parts.writer.append(batch);
      if (!written.ok) this.#fail(written.error);
    }
  }

  async #symbolTurn(): Promise<void> {
    if (this.#isSymbolizing) return;
    this.#isSymbolizing = true;
    if (performance.now() - this.#lastRetry > RETRY_MS) {
      this.#lastRetry = performance.now();
      this.#feed.retryUnnamed();
      this.#jvmMaps.ask(this.#feed.unnamedProcesses());
    }
    const end = performance.now() + SYMBOL_TURN_MS;
    while (this.#phase === 'recording' && performance.now() < end) {
      if (!this.#feed.work(SYMBOL_SLICE_MS)) break;
      await yieldToEvents();
    }
    this.#isSymbolizing = false;
  }

  /** The helper is gone, its last byte is here: the rest is writing. */
  async #finish(end: HelperEnd): Promise<RecordingEnd> {
    this.#endNs = this.#elapsedNs();
    this.#phase = 'finishing';
    clearTimeout(this.#durationTimer);
    clearTimeout(this.#commitTimer);
    this.#parts.inbox.close();
    if (end.bye !== null) this.#cost.report(end.bye.stats);
    await this.#attempt(() => {
      this.#ingest.applyFactsUntil(Infinity);
      this.#ingest.flush(true);
    });
    await this.#commitAfterRunning();
    await this.#attempt(() => this.#symbolizeRest());
    await this.#attempt(() => this.#closeFile(end));
    const reason = this.#endReason(end);
    const commandExitCode = await this.#endCommand(reason);
    this.#phase = 'done';
    this.#young[Symbol.dispose]();
    this.#jvmMaps[Symbol.dispose]();
    this.#end = this.#endAsStored(end);
    const result = { reason, error: this.#error ?? end.error, info: this.#info(), commandExitCode };
    await this.#attempt(() => this.#tellProgress());
    return result;
  }

  async #commitAfterRunning(): Promise<void> {
    while (this.#commit !== null) await this.#commit;
    await this.#commitNow();
  }

  async #symbolizeRest(): Promise<void> {
    if (!this.#skipSymbols) await this.#jvmMaps.finish(this.#feed.unnamedProcesses());
    this.#feed.retryUnnamed();
    let committed = performance.now();
    while (!this.#skipSymbols && this.#error === null) {
      if (this.#feed.work(SYMBOL_SLICE_MS)) await yieldToEvents();
      else if (this.#feed.isPending) await delay(PENDING_PAUSE_MS);
      else break;
      if (performance.now() - committed < COMMIT_INTERVAL_MS) continue;
      await this.#commitNow();
      committed = performance.now();
    }
    await this.#commitNow();
  }

  async #closeFile(end: HelperEnd): Promise<void> {
    const endNs = Math.round(this.#endNs ?? this.#elapsedNs());
    try {
      const facts = { state: 'complete', endNs, end: this.#endAsStored(end) } as const;
      const closed = await this.#parts.writer.finish(facts);
      if (!closed.ok) this.#error ??= closed.error;
    } finally {
      this.#parts.symbols.dispose();
    }
  }

  #endReason(end: HelperEnd): CaptureEndReason {
    if (this.#error !== null || end.error !== null) return 'failed';
    if (this.#stopReason !== null) return this.#stopReason;
    invariant(end.bye !== null, 'the helper ended with neither farewell nor error');
    return end.bye.reason;
  }

  #endAsStored(end: HelperEnd): SessionEnd {
    const error = this.#error ?? end.error;
    const reason = this.#endReason(end);
    return { reason, error: error === null ? '' : sentencesOf(error).slice(0, MAX_END_TEXT) };
  }

  /** As perf-record(1) does: a command started for the recording does not outlive a wanted end. */
  async #endCommand(reason: CaptureEndReason): Promise<number | null> {
    const { launched } = this.#parts;
    if (launched === null) return null;
    if (reason === 'stopped' || reason === 'duration-over') launched.terminate();
    const late = new Promise<null>((settle) => {
      setTimeout(() => settle(null), COMMAND_END_WAIT_MS).unref();
    });
    return Promise.race([launched.exited, late]);
  }

  #engineLoss(): EngineLoss {
    const { malformed, lateStacks } = this.#ingest;
    return { 'record-malformed': malformed, 'user-stack-late': lateStacks };
  }

  #tellProgress(): void {
    this.#parts.options.onProgress?.(this.progress());
  }

  #elapsedNs(): number {
    if (this.#endNs !== null) return this.#endNs;
    // hrtime is CLOCK_MONOTONIC on Linux, the clock of the samples.
    return Number(process.hrtime.bigint() - this.#parts.startNs);
  }

  #info(): SessionInfo {
    const { recordedBy, startedAt, host, spec, unwind } = this.#parts.meta;
    return {
      formatVersion: FORMAT_VERSION,
      recordedBy,
      state: this.#phase === 'done' ? 'complete' : 'recording',
      host,
      spec,
      startedAt,
      duration: nanoseconds(Math.max(this.#elapsedNs(), this.#ingest.lastNs)),
      totalWeight: this.#ingest.totalWeight,
      sampleCount: this.#ingest.sampleCount,
      idleSamples: this.#cost.idleSamples,
      loss: [...this.#cost.loss(this.#engineLoss())].map(([reason, count]) => ({
        reason: reason as LossReason,
        count,
      })),
      cost: this.#cost.now(),
      unwind: { ...unwind, tables: this.#cost.unwind },
      end: this.#end,
    };
  }
}

/** An error of the helper is checked for its kind's being a text, no further. */
function sentencesOf(error: ProfilerError): string {
  try {
    const { title, detail } = describeError(error);
    return `${title}. ${detail}`;
  } catch (thrown) {
    internalError(thrown);
    return error.kind;
  }
}
