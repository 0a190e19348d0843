import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import { ok } from '#shared/result.ts';
import * as capabilities from '../bpf/capabilities.ts';
import { disableEvent, enableEvent } from '../bpf/perf-event.ts';
import { parseSideBand, type SideBandRecord } from '../bpf/side-band-records.ts';
import { FRAME_LIMITS } from '../capture/wire/frame-layout.ts';
import { encodeJsonFrame, FrameDecoder } from '../capture/wire/framing.ts';
import type { Bye, ProcessFact, Started } from '../capture/wire/helper-protocol.ts';
import { CLOCK_MONOTONIC, clockNs } from '../ffi/libc.ts';
import { BackOff } from './back-off.ts';
import { Departures } from './departures.ts';
import type { Drained, DrainSetup, FromDrain, SideBandDrained, ToDrain } from './drain-messages.ts';
import type { Handover, UnwindMaps } from './handover.ts';
import { sendKernelSymbols } from './kernel-symbols.ts';
import { type HelperLoss, statsOf } from './loss-counters.ts';
import { OutgoingQueue } from './outgoing-queue.ts';
import { ProcessFacts } from './process-facts.ts';
import { attemptIn, logRefusal } from './refusal-log.ts';
import { runIterator, StartGate } from './start-gate.ts';
import { exitNow } from './stdio.ts';
import type { FromUnwind, UnwindSetup, UnwindTableStats } from './unwind/unwind-messages.ts';

/** At most this often, less what timers may be early: with every other drain while little happens. */
const STATS_PERIOD_MS = 840;
/** The initial scan yields this often, ms, so that a closing pipe is noticed. */
const SCAN_SLICE_MS = 10;
/** Facts per frame: far below FRAME_LIMITS.facts with ordinary paths. */
const FACTS_PER_FRAME = 2000;

/** What a thread of this process may hold is what the handover says, or this is no handover. */
function assertLimited(handover: Handover): void {
  const excess = capabilities.permittedOfAllThreads() & ~BigInt(handover.keep);
  invariant(excess === 0n, `capabilities left over: ${excess.toString(16)}`);
}

/**
 * The capture stage: no privilege beyond the handover's, everything attached already. Enables the
 * events, sends what the drain thread and /proc tell, ends with the pipe.
 */
export class CaptureSession {
  readonly #handover: Handover;
  readonly #queue: OutgoingQueue;
  readonly #worker: Worker;
  /** Threads that are not ready yet. */
  #notReady = 1;
  #tables: UnwindTableStats | null = null;
  readonly #decoder = new FrameDecoder();
  readonly #loss: HelperLoss = { tooSlow: 0, facts: 0, throttled: 0, malformed: 0 };
  /** Side-band records newer than the last drain's limit, in order of time. */
  #held: SideBandRecord[] = [];
  #facts: ProcessFacts | null = null;
  /** Drains that arrived during the initial scan; null: it is over. */
  #waiting: (SideBandDrained | Drained)[] | null = [];
  /** Facts since the last drain. */
  #news: ProcessFact[] = [];
  #symbols: Promise<void> | null = null;
  #reason: Bye['reason'] | null = null;
  #refused = false;
  #statsAt = 0;
  #gate: StartGate | null = null;
  readonly #backOff: BackOff;

  constructor(handover: Handover) {
    assertLimited(handover);
    this.#handover = handover;
    this.#backOff = new BackOff(handover.costLimit);
    this.#queue = new OutgoingQueue(1, () => exitNow(0));
    this.#listen();
    const setup: DrainSetup = handover;
    this.#worker = new Worker(new URL('./drain-worker.js', import.meta.url), { workerData: setup });
    this.#worker.on('message', (message: FromDrain) => this.#onDrain(message));
    this.#worker.on('error', (error) => {
      throw error;
    });
    if (handover.unwind !== null) this.#startUnwinding(handover.unwind, handover.target);
  }

  #startUnwinding(maps: UnwindMaps, target: Handover['target']): void {
    const workerData: UnwindSetup = { maps, target, tables: this.#handover.tables };
    this.#notReady++;
    const worker = new Worker(new URL('./unwind-worker.js', import.meta.url), { workerData });
    worker.on('message', (message: FromUnwind) => {
      if (message.kind === 'stats') this.#tables = message.stats;
      else if (message.kind === 'ready') this.#onReady();
      else this.#fail(message.error as ProfilerError);
    });
    worker.on('error', (error) => {
      throw error;
    });
  }

  #onReady(): void {
    if (--this.#notReady === 0) this.#begin();
  }

  #listen(): void {
    const input = new Socket({ fd: 0, readable: true, writable: false });
    input.on('data', (chunk: Buffer) => this.#onRequest(chunk));
    const gone = (): void => exitNow(0);
    input.on('end', gone);
    input.on('close', gone);
    input.on('error', gone);
  }

  #onRequest(chunk: Uint8Array): void {
    const frames = this.#decoder.push(chunk);
    if (!frames.ok) {
      this.#refuse(frames.error);
      return;
    }
    for (const frame of frames.value) {
      if (frame.type !== 'stop') {
        this.#refuse({ kind: 'helper-protocol', detail: `expected stop, got ${frame.type}` });
        return;
      }
      this.#finish('stopped');
    }
  }

  /** Whoever sends what an engine does not send is told of, once. */
  #refuse(error: ProfilerError): void {
    const tried = attemptIn(error);
    if (tried !== null && !this.#refused) {
      this.#refused = true;
      logRefusal(tried, this.#handover.refusalLogFd);
    }
    this.#fail(error);
  }

  #fail(error: ProfilerError): void {
    this.#stopEvents();
    this.#queue.end(encodeJsonFrame('error', error), () => exitNow(1));
  }

  #onDrain(message: FromDrain): void {
    switch (message.kind) {
      case 'ready': {
        this.#onReady();
        return;
      }
      case 'failed': {
        this.#fail(message.error as ProfilerError);
        return;
      }
      case 'side-band':
      case 'drained':
        if (this.#waiting !== null) this.#waiting.push(message);
        else this.#forward(message);
    }
  }

  #begin(): void {
    const { sampleFds, sampleEvent, cpus, target, mechanisms, departuresFd } = this.#handover;
    const startNs = clockNs(CLOCK_MONOTONIC);
    const gate = StartGate.map(this.#handover.stateFd);
    if (!gate.ok) {
      this.#fail(gate.error);
      return;
    }
    const leavers = departuresFd < 0 ? ok(null) : Departures.open(departuresFd);
    if (!leavers.ok) {
      this.#fail(leavers.error);
      return;
    }
    this.#gate = gate.value;
    this.#gate.open(startNs);
    for (const fd of this.#handover.beginIterators) runIterator(fd);
    for (const fd of sampleFds) {
      const errno = enableEvent(fd);
      if (errno !== null) {
        this.#fail({ kind: 'attach-failed', point: 'enable', errno });
        return;
      }
    }
    const started: Started = {
      startNs: startNs.toString(),
      sampleEvent,
      cpus: cpus.length,
      unwind: this.#handover.unwindMode,
      unwindFallback: this.#handover.unwindFallback,
      mechanisms: mechanisms.map(({ fields = [], ...rest }) => ({ ...rest, fields: [...fields] })),
      capabilities: capabilities.namesIn(capabilities.permittedOfAllThreads()),
    };
    this.#queue.send(encodeJsonFrame('started', started));
    this.#facts = new ProcessFacts(startNs, target, leavers.value);
    this.#tell({ kind: 'go', startNs });
    void this.#scan(this.#facts);
  }

  /** Facts of what runs already go out before any sample; drains wait meanwhile. */
  async #scan(facts: ProcessFacts): Promise<void> {
    let found: ProcessFact[] = [];
    let sliceEnd = performance.now() + SCAN_SLICE_MS;
    for (const pid of facts.initialPids()) {
      found.push(...facts.scan(pid));
      if (performance.now() < sliceEnd) continue;
      this.#sendFacts(found);
      found = [];
      await new Promise(setImmediate);
      sliceEnd = performance.now() + SCAN_SLICE_MS;
    }
    this.#sendFacts(found);
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const drained of waiting) this.#forward(drained);
  }

  #forward(drained: SideBandDrained | Drained): void {
    const facts = this.#facts;
    invariant(facts !== null, 'a drain before the start');
    const isLast = drained.kind === 'drained' && drained.final;
    for (const fact of facts.fromRecords(this.#recordsDue(drained, isLast))) this.#news.push(fact);
    if (drained.kind === 'side-band') return;
    for (const fact of facts.onSampled(drained.newPids)) this.#news.push(fact);
    this.#sendFacts(this.#news);
    this.#news = [];
    for (const { frame, samples, malformed } of drained.frames) {
      this.#loss.malformed += malformed;
      if (samples > 0 && !this.#queue.offerSamples(frame)) this.#loss.tooSlow += samples;
    }
    for (const { frame, samples } of drained.histograms) {
      if (!this.#queue.offerFacts(frame)) this.#loss.tooSlow += samples;
    }
    if (drained.final || performance.now() >= this.#statsAt) this.#sendStats(drained);
    if (drained.frames.length > 0 || drained.final) this.#startSymbols();
    if (drained.final) void this.#bye(drained);
    const { target } = this.#handover;
    const isGone = target.kind === 'process' && target.added + drained.memberChange === 0;
    if (isGone && !drained.final) this.#finish('target-exited');
  }

  /**
   * Records up to the drain's limit, of all CPUs in order of time. Later ones wait: an earlier one
   * of another CPU may still come.
   */
  #recordsDue(
    { sideBand, untilNs }: Pick<Drained, 'sideBand' | 'untilNs'>,
    isLast: boolean,
  ): SideBandRecord[] {
    const records = this.#held;
    for (const part of sideBand) {
      const parsed = parseSideBand(part);
      records.push(...parsed.records);
      this.#loss.malformed += parsed.malformed;
    }
    records.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    const later = isLast ? -1 : records.findIndex(({ time }) => time > untilNs);
    this.#held = later < 0 ? [] : records.slice(later);
    const due = later < 0 ? records : records.slice(0, later);
    for (const record of due) {
      if (record.kind === 'lost') this.#loss.facts += record.count;
      if (record.kind === 'throttle') this.#loss.throttled++;
    }
    return due;
  }

  #sendFacts(facts: readonly ProcessFact[]): void {
    for (let at = 0; at < facts.length; at += FACTS_PER_FRAME) {
      const part = facts.slice(at, at + FACTS_PER_FRAME);
      const json = Buffer.from(JSON.stringify(part));
      if (
        json.length > FRAME_LIMITS.facts ||
        !this.#queue.offerFacts(encodeJsonFrame('facts', part))
      ) {
        this.#loss.facts += part.length;
      }
    }
  }

  #sendStats(drained: Drained): void {
    this.#statsAt = performance.now() + STATS_PERIOD_MS;
    const reading = { runNs: drained.counters.runNs, atMs: performance.now() };
    this.#gate?.backOff(this.#backOff.next(reading));
    // Sums: what does not fit is in the next ones.
    this.#queue.offerFacts(encodeJsonFrame('stats', this.#stats(drained)));
  }

  #stats(drained: Drained): Bye['stats'] {
    const unread = this.#facts?.unreadProcesses ?? 0;
    const own = {
      ...this.#loss,
      facts: this.#loss.facts + unread,
      malformed: this.#loss.malformed + drained.failedSlices,
    };
    return statsOf(drained.counters, this.#tables, own, this.#backOff.level);
  }

  /** Once, after the first samples: symbols are needed for names only, samples come first. */
  #startSymbols(): void {
    const { kallsymsFd, kernelShift } = this.#handover;
    if (this.#symbols !== null) return;
    this.#symbols =
      kallsymsFd < 0
        ? Promise.resolve()
        : sendKernelSymbols(kallsymsFd, kernelShift, (frame) => this.#queue.send(frame));
  }

  #stopEvents(): void {
    for (const fd of this.#handover.sampleFds) disableEvent(fd);
  }

  /** Stops sampling and asks for the last drain; what follows is in #bye. */
  #finish(reason: Bye['reason']): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#stopEvents();
    for (const fd of this.#handover.endIterators) runIterator(fd);
    this.#gate?.close();
    this.#tell({ kind: 'finish' });
  }

  async #bye(drained: Drained): Promise<void> {
    await this.#symbols;
    const bye: Bye = { reason: this.#reason ?? 'stopped', stats: this.#stats(drained) };
    this.#queue.end(encodeJsonFrame('bye', bye), () => exitNow(0));
  }

  #tell(message: ToDrain): void {
    this.#worker.postMessage(message);
  }
}
