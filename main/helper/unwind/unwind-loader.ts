import { CLOCK_MONOTONIC, clockNs } from '../../ffi/libc.ts';
import { isAlive } from '../target-check.ts';
import type { ImageTables } from './image-tables.ts';
import { type MappingSlots, type Slice, signatureOf } from './mapping-slots.ts';
import { readCode } from './process-code.ts';
import type { ProcessEntries } from './process-entries.ts';

/** After an exec the program loader maps libraries for some time: looked at again after these, ms. */
const LOOKS_AFTER_EXEC_MS = [1, 3, 8, 20, 60];
/**
 * A process that asked so often for mappings that it has not got walks into nonsense: it is heard again
 * after this and its own pause, ns.
 */
const ASKED_IN_VAIN = 8;
const IN_VAIN_PAUSE_NS = 60_000_000n;
/** A process whose mappings cannot be read is asked about again after this, ns. */
const UNREADABLE_PAUSE_NS = 5_000_000_000n;

/** Tells the kernel where each process has its code, and loads the tables that code needs. */
export class UnwindLoader {
  readonly #entries: ProcessEntries;
  readonly #slots: MappingSlots;
  readonly #images: ImageTables;
  readonly #onChange: () => void;
  /** By their first slot. */
  readonly #slices = new Map<number, Slice>();
  /** First slots of slices that the last sweep found without a process. */
  #unused = new Set<number>();
  /** How often in a row a process asked for mappings that it has not got. */
  readonly #inVain = new Map<number, number>();
  #isLoading = false;
  /** Processes or mappings for which a map had no room. */
  refused = 0;

  /** `onChange`: tables or slots are others than before; called often. */
  constructor(
    entries: ProcessEntries,
    slots: MappingSlots,
    images: ImageTables,
    onChange: () => void,
  ) {
    this.#entries = entries;
    this.#slots = slots;
    this.#images = images;
    this.#onChange = onChange;
  }

  /** A process replaced its program a moment ago. */
  onExec(pid: number): void {
    this.#inVain.delete(pid);
    this.refresh(pid);
    for (const delay of LOOKS_AFTER_EXEC_MS) setTimeout(() => this.#lookAgain(pid), delay);
  }

  /** A walk met code outside the mappings that are known of the process. */
  onUnknownCode(pid: number): void {
    if (this.refresh(pid)) {
      this.#inVain.delete(pid);
      return;
    }
    const times = (this.#inVain.get(pid) ?? 0) + 1;
    this.#inVain.set(pid, times);
    const current = this.#entries.get(pid);
    if (times < ASKED_IN_VAIN || current === null) return;
    this.#entries.postpone(pid, current, clockNs(CLOCK_MONOTONIC) + IN_VAIN_PAUSE_NS);
  }

  /** The programs take out what has ended. */
  #lookAgain(pid: number): void {
    if (this.#entries.get(pid) !== null) this.refresh(pid);
  }

  /** Reads a process's mappings and, if they are not what the kernel has, gives it the new ones. False: nothing is new. */
  refresh(pid: number): boolean {
    const code = readCode(pid);
    if (typeof code === 'string') {
      const isGone = code === 'ENOENT' || code === 'ESRCH';
      if (!isGone) this.#setUnreadable(pid);
      return true;
    }
    if (code.length === 0) return true; // A zombie, or before its exec is through.
    const current = this.#entries.get(pid);
    const known = current === null ? undefined : this.#slices.get(current.first);
    if (known !== undefined && known.signature === signatureOf(code)) return false;
    this.#onChange();
    const slice = this.#slots.write(pid, code);
    if (slice === null) {
      this.refused++;
      return true;
    }
    this.#slices.set(slice.first, slice);
    if (!this.#entries.set(pid, slice)) this.refused++;
    // It may have ended meanwhile: then nobody would ever remove the entry.
    else if (!isAlive(pid)) this.#entries.remove(pid);
    this.#loadSoon();
    return true;
  }

  /** One image per turn of the event loop: requests come in between. */
  #loadSoon(): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    setImmediate(() => {
      this.#isLoading = false;
      if (this.loadNext()) this.#loadSoon();
    });
  }

  /** Loads one image; false: none waits. */
  loadNext(): boolean {
    const image = this.#images.loadNext();
    if (image === null) return false;
    this.#slots.complete(image);
    this.#onChange();
    return true;
  }

  /** Releases slices that had no process at this sweep and the one before. Call it every few seconds. */
  sweep(): void {
    const used = new Set<number>();
    for (const pid of this.#entries.pids()) {
      const entry = this.#entries.get(pid);
      if (entry === null) continue;
      if (isAlive(pid)) used.add(entry.first);
      else this.#entries.remove(pid);
    }
    for (const pid of this.#inVain.keys()) {
      if (this.#entries.get(pid) === null) this.#inVain.delete(pid);
    }
    const unused = new Set<number>();
    for (const [first, slice] of this.#slices) {
      if (used.has(first)) continue;
      if (this.#unused.has(first)) {
        this.#slots.release(slice);
        this.#slices.delete(first);
      } else unused.add(first);
    }
    this.#unused = unused;
  }

  #setUnreadable(pid: number): void {
    const until = clockNs(CLOCK_MONOTONIC) + UNREADABLE_PAUSE_NS;
    this.#entries.set(pid, { first: 0, count: 0 }, until);
  }
}
