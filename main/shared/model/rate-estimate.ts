/** What measuring something would cost, from a short count of it. */
export interface RateEstimate {
  /** Calls or occurrences per second in the target. */
  readonly perSecond: number;
  /** Time of our programs for each of them, ns; NaN: there was none. */
  readonly nsEach: number;
  /** Share of one CPU that our programs would take: perSecond × nsEach. */
  readonly cpuShare: number;
  /** How it would be measured: "fentry", "uprobe", … */
  readonly mechanism: string;
  /** What the figures leave out, a sentence; empty: nothing. */
  readonly note: string;
}
