import { HISTOGRAM_KEY, HISTOGRAM_VALUE } from './wire/records.ts';

/** One cell of a histogram as the helper sends it. */
export interface HistogramCell {
  readonly keyLow: number;
  readonly keyHigh: number;
  /** Process id; 0: not told apart by process. */
  readonly pid: number;
  readonly source: number;
  readonly bucket: number;
  readonly slice: number;
  readonly count: number;
  readonly total: number;
  readonly max: number;
}

const CELL_BYTES = HISTOGRAM_KEY.size + HISTOGRAM_VALUE.size;

/** The cells of a `histogram` payload; null: it is not a whole number of them. */
export function readCells(payload: Uint8Array): HistogramCell[] | null {
  if (payload.length % CELL_BYTES !== 0) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const key = HISTOGRAM_KEY.fields;
  const value = HISTOGRAM_VALUE.fields;
  const cells: HistogramCell[] = [];
  for (let at = 0; at < payload.length; at += CELL_BYTES) {
    const number = (offset: number): number =>
      view.getUint32(offset + 4, true) * 4_294_967_296 + view.getUint32(offset, true);
    const values = at + HISTOGRAM_KEY.size;
    cells.push({
      keyLow: view.getUint32(at + key.key, true),
      keyHigh: view.getUint32(at + key.key + 4, true),
      pid: view.getUint32(at + key.tgid, true),
      source: view.getUint16(at + key.source, true),
      bucket: view.getUint16(at + key.bucket, true),
      slice: view.getUint32(at + key.slice, true),
      count: number(values + value.count),
      total: number(values + value.total_ns),
      max: number(values + value.max_ns),
    });
  }
  return cells;
}
