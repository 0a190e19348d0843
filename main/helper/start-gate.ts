import { readSync } from 'node:fs';
import type { ProfilerError } from '#shared/errors.ts';
import { ok, type Result } from '#shared/result.ts';
import { MappedMemory } from '../bpf/mapped-memory.ts';
import { CAPTURE_STATE } from '../capture/wire/records.ts';

/** What an iterator's program writes is of no interest, bytes: ours write nothing. */
const ITERATOR_READ_BYTES = 4096;

/** The moment from which programs measure: capture_state.start_ns, 0 before and after the session. */
export class StartGate {
  readonly #state: MappedMemory;

  private constructor(state: MappedMemory) {
    this.#state = state;
  }

  static map(stateFd: number): Result<StartGate, ProfilerError> {
    const region = { offset: 0, length: CAPTURE_STATE.size, writable: true };
    const state = MappedMemory.map(stateFd, region, 'capture state');
    return state.ok ? ok(new StartGate(state.value)) : state;
  }

  /** `startNs`: CLOCK_MONOTONIC of session start. */
  open(startNs: bigint): void {
    const word = new Uint8Array(BigUint64Array.of(startNs).buffer);
    this.#state.write(word, CAPTURE_STATE.fields.start_ns);
  }

  /** One in 2^level calls is measured. */
  backOff(level: number): void {
    this.#state.writeU32(CAPTURE_STATE.fields.backoff, level);
  }

  close(): void {
    this.open(0n);
  }
}

/** Runs an iterator's program over everything there is (bpf_iter: one read to the end). */
export function runIterator(fd: number): void {
  const output = new Uint8Array(ITERATOR_READ_BYTES);
  while (readSync(fd, output) > 0);
}
