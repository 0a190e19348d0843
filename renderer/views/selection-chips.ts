import { bucketRangeOf } from '#shared/model/latency-buckets.ts';
import { formatDuration, formatQuantity } from '#shared/text/format-value.ts';
import { formatBuckets } from '#shared/text/latency-text.ts';
import { fill, h, icon } from '../dom.ts';
import type { ViewSpec } from '../worker/profile-protocol.ts';

/** Parts of the view that a chip stands for, in the order in which Escape takes them back. */
export const CHIP_PARTS = ['values', 'series', 'time', 'threads', 'processes'] as const;
export type ChipPart = (typeof CHIP_PARTS)[number];

/** A part of the selection, in words. */
export interface Chip {
  readonly part: ChipPart;
  readonly text: string;
}

/** The words that a view needs from outside. */
export interface ChipWords {
  /** One name for rows of SeriesTable; null: they are of several kinds. */
  seriesName(rows: readonly number[]): string | null;
  processName(row: number): string;
  threadName(row: number): string;
}

/** What is selected of the whole, one chip a part. */
export function chipsOf(view: ViewSpec, words: ChipWords): Chip[] {
  const { values, series, window, threads, processes } = view;
  const chips: Chip[] = [];
  if (values !== null) {
    chips.push({ part: 'values', text: formatBuckets(bucketRangeOf(values.from, values.to)) });
  }
  const some = (rows: readonly number[], name: (row: number) => string, noun: string): string => {
    const [first, ...others] = rows;
    return first !== undefined && others.length === 0
      ? name(first)
      : formatQuantity(rows.length, noun, noun === 'process' ? 'processes' : undefined);
  };
  if (series !== null) {
    const text = words.seriesName(series) ?? formatQuantity(series.length, 'kind');
    chips.push({ part: 'series', text });
  }
  if (window.kind === 'range') {
    const { from, to } = window.range;
    chips.push({ part: 'time', text: `${formatDuration(from)} to ${formatDuration(to)}` });
  }
  if (threads !== null) {
    chips.push({ part: 'threads', text: some(threads, (row) => words.threadName(row), 'thread') });
  }
  if (processes !== null) {
    const text = some(processes, (row) => words.processName(row), 'process');
    chips.push({ part: 'processes', text });
  }
  return chips;
}

/** The line that says what is selected; each part can be taken back. */
export class SelectionChips {
  readonly element = h('div', {
    class: 'chips',
    attributes: { role: 'group', 'aria-label': 'Selection' },
  });
  private signature = '';
  private readonly onRemove: (part: ChipPart) => void;

  constructor(onRemove: (part: ChipPart) => void) {
    this.onRemove = onRemove;
  }

  /** `note`: what has to be known about figures of the selection; empty: nothing. */
  update(chips: readonly Chip[], note: string): void {
    const signature = JSON.stringify([chips, note]);
    if (signature === this.signature) return;
    this.signature = signature;
    fill(this.element, [
      note === '' ? null : h('span', { class: 'chip-note', attributes: { role: 'note' } }, note),
      ...chips.map(({ part, text }) =>
        h(
          'button',
          {
            class: 'chip',
            title: 'Take this part of the selection back (Esc takes the first)',
            attributes: { type: 'button', 'aria-label': `Selected: ${text}. Take back` },
            data: { part },
            on: { click: () => this.onRemove(part) },
          },
          h('span', {}, text),
          icon('close'),
        ),
      ),
    ]);
  }
}
