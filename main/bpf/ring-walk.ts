/** BPF ring buffer records as bytes: Documentation/bpf/ringbuf.rst. Pure, so that tests can feed it. */

/** Bytes before each record: u32 length and flags, u32 page offset. */
export const RECORD_HEADER_BYTES = 8;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;
const LENGTH_MASK = 0x3fff_ffff;

/** Header and data, rounded up to 8. */
const occupied = (dataBytes: number): number => (RECORD_HEADER_BYTES + dataBytes + 7) & ~7;

/**
 * Bytes at the start of `span` that are whole, committed records: up to the first one still being
 * written, or cut off by the end of the span.
 */
export function committedBytes(span: DataView): number {
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= span.byteLength) {
    const word = span.getUint32(at, true);
    if ((word & BUSY) !== 0) break;
    const next = at + occupied(word & LENGTH_MASK);
    if (next > span.byteLength) break;
    at = next;
  }
  return at;
}

/** Calls `visit` with offset and length of each record's data; discarded ones are passed over. */
export function forEachRecord(
  span: DataView,
  length: number,
  visit: (offset: number, length: number) => void,
): void {
  let at = 0;
  while (at < length) {
    const word = span.getUint32(at, true);
    const dataBytes = word & LENGTH_MASK;
    if ((word & DISCARD) === 0) visit(at + RECORD_HEADER_BYTES, dataBytes);
    at += occupied(dataBytes);
  }
}
