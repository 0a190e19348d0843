import type { ProfilerError } from '#shared/errors.ts';
import { ok, type Result } from '#shared/result.ts';
import { MappedMemory } from '../bpf/mapped-memory.ts';
import { CAPTURE_STATE, CPU_COUNTERS, DEPARTURE, DEPARTURES } from '../capture/wire/records.ts';
import { isStranger } from './target-check.ts';

/** Says when own processes turned into what their user may not look into. */
export interface Leavers {
  /**
   * Until when process `pid` is known to be the user's own, CLOCK_MONOTONIC ns, if it ceased to be after
   * `sinceNs`; 'now': it has ceased, nobody knows when. null: it is his own, or was to its end.
   *
   * Holds for everything that was recorded of it before the call.
   */
  leftSince(pid: number, sinceNs: bigint): bigint | 'now' | null;
}

/**
 * What the BPF programs noted in capture_state.departures.
 *
 * The order of the two looks is what makes it sure: a process that was somebody else's when its record was
 * written either still is, then /proc says so; or it ran on to become the user's again or to end, then its exec
 * was over, and the programs had noted it, before the second look.
 */
export class Departures implements Leavers {
  readonly #state: MappedMemory;
  readonly #cpus: readonly number[];

  private constructor(state: MappedMemory, cpus: readonly number[]) {
    this.#state = state;
    this.#cpus = cpus;
  }

  static map(stateFd: number, cpus: readonly number[]): Result<Departures, ProfilerError> {
    const region = { offset: 0, length: CAPTURE_STATE.size, writable: false };
    const state = MappedMemory.map(stateFd, region, 'departures');
    return state.ok ? ok(new Departures(state.value, cpus)) : state;
  }

  leftSince(pid: number, sinceNs: bigint): bigint | 'now' | null {
    const isOthersNow = isStranger(pid);
    const noted = this.#noted(pid);
    if (noted === 'hidden') return 'now';
    if (noted !== null && noted >= sinceNs) return noted;
    return isOthersNow ? 'now' : null;
  }

  /** hidden: another process has its place. */
  #noted(pid: number): bigint | 'hidden' | null {
    const [holder, timeNs] = this.#entry(pid % DEPARTURES);
    if (holder === pid) return timeNs;
    return holder !== 0 && this.#isAnyHidden() ? 'hidden' : null;
  }

  #entry(place: number): readonly [pid: number, timeNs: bigint] {
    const entry = new Uint8Array(DEPARTURE.size);
    this.#state.read(entry, CAPTURE_STATE.fields.departures + place * DEPARTURE.size, entry.length);
    const view = new DataView(entry.buffer);
    const pid = view.getUint32(DEPARTURE.fields.tgid, true);
    return [pid, view.getBigUint64(DEPARTURE.fields.time_ns, true)];
  }

  /** More were counted than have a place. */
  #isAnyHidden(): boolean {
    let counted = 0n;
    const counter = new BigUint64Array(1);
    for (const cpu of this.#cpus) {
      const row = CAPTURE_STATE.fields.cpus + cpu * CPU_COUNTERS.size;
      const at = row + CPU_COUNTERS.fields.privileged;
      this.#state.read(new Uint8Array(counter.buffer), at, counter.byteLength);
      counted += counter[0]!;
    }
    let placed = 0n;
    for (let place = 0; place < DEPARTURES; place++) if (this.#entry(place)[0] !== 0) placed++;
    return counted > placed;
  }
}
