/** What a line is about; lines come in this order. */
export const QUALITY_SECTIONS = ['stacks', 'names', 'samples', 'unwinding', 'cost'] as const;
export type QualitySection = (typeof QUALITY_SECTIONS)[number];

/** bad: what is shown may mislead. warning: much is missing. note: worth knowing. good: as it should be. */
export type Severity = 'good' | 'note' | 'warning' | 'bad';

/** One fact about the quality of a recording, with what to do about it. Raw: print through printable(). */
export interface QualityLine {
  /** Stays the same from one look to the next. */
  readonly id: string;
  readonly section: QualitySection;
  readonly severity: Severity;
  readonly title: string;
  /** The figure, e.g. "98.7 %" or "34 MiB". */
  readonly figure: string;
  /** Share of the samples concerned, 0 to 1; null: it is not about samples. */
  readonly share: number | null;
  readonly sentence: string;
  readonly remedy: string;
  /** A search (frame-search.ts) that shows the samples concerned; null: there is none. */
  readonly search: string | null;
}
