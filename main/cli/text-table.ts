import { fitted, printable } from '#shared/text/printable-text.ts';

/** One column: its heading, and on which side its cells stand. */
export interface Column {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

const GAP = '  ';
/** A column is never cut to less than this, characters. */
const MIN_WIDTH = 12;

/**
 * A table as lines, headings first; all are made printable. With `columns` given, the widest
 * left-aligned column is shortened in the middle until a line fits.
 */
export function textTable(
  heads: readonly Column[],
  rows: readonly (readonly string[])[],
  columns: number | null,
): string[] {
  const headings = heads.map(({ heading }) => heading);
  const cells = [headings, ...rows].map((row) => row.map(printable));
  const widths = heads.map((_, at) =>
    cells.reduce((widest, row) => Math.max(widest, widthOf(row[at] ?? '')), 0),
  );
  if (columns !== null) narrow(heads, widths, columns);
  return cells.map((row) =>
    row
      .map((cell, at) => padded(fitted(cell, widths[at]!), widths[at]!, heads[at]!.align))
      .join(GAP)
      .trimEnd(),
  );
}

function narrow(heads: readonly Column[], widths: number[], columns: number): void {
  const excess = (): number =>
    widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - columns;
  while (excess() > 0) {
    let widest = -1;
    for (let at = 0; at < widths.length; at++) {
      const flexible = heads[at]!.align === 'left' && widths[at]! > MIN_WIDTH;
      if (flexible && (widest < 0 || widths[at]! > widths[widest]!)) widest = at;
    }
    if (widest < 0) return;
    widths[widest]! -= 1;
  }
}

const widthOf = (text: string): number => Array.from(text).length;

function padded(text: string, width: number, align: 'left' | 'right'): string {
  const blank = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'left' ? text + blank : blank + text;
}
