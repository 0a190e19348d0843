import type { HelperListener } from './helper-client.ts';
import type { HelperStats, ProcessFact } from './wire/helper-protocol.ts';

/** The kernel's symbol table has to begin this long after the first samples, ms; else it is none. */
const TABLE_BEGIN_MS = 1000;
/** It is complete when nothing of it came for this long, ms, unless an empty piece says so. */
const TABLE_QUIET_MS = 250;

/**
 * Keeps what the helper sends until the recording can take it: everything until a listener is
 * there; samples, and facts after the first of them, until the kernel's symbol table is complete,
 * which the helper sends only then. Without it kernel addresses could not be told apart by module.
 */
export class HelperInbox implements HelperListener {
  readonly #waitsForKernel: boolean;
  #listener: HelperListener | null = null;
  #kernelReady: (() => void) | null = null;
  #isHolding = false;
  #isOpen = false;
  #held: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** `waitsForKernel` false: no kernel stacks are recorded. */
  constructor(waitsForKernel: boolean) {
    this.#waitsForKernel = waitsForKernel;
  }

  /** Begins delivery. `kernelReady` is called once, before the first samples. */
  deliverTo(listener: HelperListener, kernelReady: () => void): void {
    this.#listener = listener;
    this.#kernelReady = kernelReady;
    for (const call of this.#held.splice(0)) call();
  }

  /** Delivers everything held: nothing more is to be waited for. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#setTimer(null);
    this.#kernelReady?.();
    for (const call of this.#held.splice(0)) call();
  }

  kallsyms(text: Uint8Array): void {
    if (this.#listener === null) return this.#hold(() => this.kallsyms(text));
    if (this.#isOpen) return;
    if (text.length === 0) return this.open();
    this.#listener.kallsyms(text);
    this.#setTimer(TABLE_QUIET_MS);
  }

  facts(facts: readonly ProcessFact[]): void {
    if (this.#listener === null) return this.#hold(() => this.facts(facts));
    if (this.#isHolding && !this.#isOpen) this.#hold(() => this.#listener?.facts(facts));
    else this.#listener.facts(facts);
  }

  data(payload: Uint8Array): void {
    if (this.#listener === null) return this.#hold(() => this.data(payload));
    if (!this.#waitsForKernel) this.open();
    if (this.#isOpen) return this.#listener.data(payload);
    if (!this.#isHolding) this.#setTimer(TABLE_BEGIN_MS);
    this.#isHolding = true;
    this.#hold(() => this.#listener?.data(payload));
  }

  stats(stats: HelperStats): void {
    if (this.#listener === null) return this.#hold(() => this.stats(stats));
    this.#listener.stats(stats);
  }

  #hold(call: () => void): void {
    this.#held.push(call);
  }

  #setTimer(ms: number | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = ms === null ? null : setTimeout(() => this.open(), ms);
  }
}
