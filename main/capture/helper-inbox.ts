import type { HelperListener } from './helper-client.ts';
import type { HelperStats, ProcessFact } from './wire/helper-protocol.ts';

/**
 * The first samples wait this long for the kernel's symbol table, ms. Samples that wait are lost if
 * this process is killed: with the time between two commits this stays below a second.
 */
const SAMPLES_WAIT_MS = 500;
/** As long as the table may take where samples are told apart by kernel functions: rows keep their names. */
const NAMES_WAIT_MS = 10_000;
/** The table is complete when nothing of it came for this long, ms, unless an empty piece says so. */
const TABLE_QUIET_MS = 10_000;

/**
 * Keeps what the helper sends until the recording can take it: everything until a listener is
 * there; then the first samples, and facts after them, for a moment, because the helper sends the
 * kernel's symbol table only after the first samples.
 */
export class HelperInbox implements HelperListener {
  readonly #waitsForKernel: boolean;
  readonly #waitMs: number;
  #listener: HelperListener | null = null;
  #kernelReady: (() => void) | null = null;
  #held: (() => void)[] = [];
  #isHolding = false;
  #isReleased = false;
  #isTableComplete = false;
  #releaseTimer: NodeJS.Timeout | undefined;
  #quietTimer: NodeJS.Timeout | undefined;

  /** `waitsForKernel` false: no kernel stacks are recorded. `needsNames`: a source has a pattern of them. */
  constructor(waitsForKernel: boolean, needsNames = false) {
    this.#waitsForKernel = waitsForKernel;
    this.#waitMs = needsNames ? NAMES_WAIT_MS : SAMPLES_WAIT_MS;
  }

  /** Begins delivery. `kernelReady` is called once, when the kernel's table is complete. */
  deliverTo(listener: HelperListener, kernelReady: () => void): void {
    this.#listener = listener;
    this.#kernelReady = kernelReady;
    for (const call of this.#held.splice(0)) call();
  }

  /** The helper is gone: what is here is all there will be. */
  close(): void {
    this.#completeTable();
    this.#release();
  }

  kallsyms(text: Uint8Array): void {
    if (this.#listener === null) {
      this.#hold(() => this.kallsyms(text));
      return;
    }
    if (this.#isTableComplete) return;
    if (text.length === 0) {
      this.#completeTable();
      return;
    }
    this.#listener.kallsyms(text);
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => this.#completeTable(), TABLE_QUIET_MS);
  }

  facts(facts: readonly ProcessFact[]): void {
    if (this.#listener === null) {
      this.#hold(() => this.facts(facts));
      return;
    }
    if (this.#isHolding) this.#hold(() => this.#listener?.facts(facts));
    else this.#listener.facts(facts);
  }

  data(payload: Uint8Array): void {
    if (this.#listener === null) {
      this.#hold(() => this.data(payload));
      return;
    }
    if (!this.#waitsForKernel) this.#isReleased = true;
    if (this.#isReleased) {
      this.#listener.data(payload);
      return;
    }
    if (!this.#isHolding) {
      this.#isHolding = true;
      this.#releaseTimer = setTimeout(() => this.#release(), this.#waitMs);
    }
    this.#hold(() => this.#listener?.data(payload));
  }

  /** Cells need no symbols, but the samples before them. */
  histogram(payload: Uint8Array): void {
    if (this.#listener === null || this.#isHolding) {
      this.#hold(() => this.#listener?.histogram(payload));
      return;
    }
    this.#listener.histogram(payload);
  }

  stats(stats: HelperStats): void {
    if (this.#listener === null) {
      this.#hold(() => this.stats(stats));
      return;
    }
    this.#listener.stats(stats);
  }

  #completeTable(): void {
    if (this.#isTableComplete) return;
    this.#isTableComplete = true;
    clearTimeout(this.#quietTimer);
    this.#kernelReady?.();
    this.#release();
  }

  #release(): void {
    this.#isReleased = true;
    this.#isHolding = false;
    clearTimeout(this.#releaseTimer);
    for (const call of this.#held.splice(0)) call();
  }

  #hold(call: () => void): void {
    this.#held.push(call);
  }
}
