import { printable } from '#shared/text/printable-text.ts';
import {
  QUALITY_SECTIONS,
  type QualityLine,
  type QualitySection,
  type Severity,
} from '#shared/text/quality-line.ts';
import { completenessText } from '#shared/text/quality-text.ts';
import type { ReportedQuality } from './report-data.ts';

/** Words, because a mark or a colour alone says nothing to a screen reader or a log file. */
const MARKS: Readonly<Record<Severity, string>> = {
  good: 'ok',
  note: 'note',
  warning: 'warn',
  bad: 'BAD',
};
const HEADINGS: Readonly<Record<QualitySection, string>> = {
  stacks: 'User stacks',
  names: 'Names',
  samples: 'Samples',
  unwinding: 'Unwinding',
  cost: 'Own cost',
};
const INDENT = '  ';
/** Words are not broken into lines shorter than this, characters. */
const MIN_TEXT = 32;
const MAX_TITLE = 44;

/** The quality of a recording as lines: mark, title, figure, what it means and what to do. */
export function qualityReportLines(quality: ReportedQuality, columns: number | null): string[] {
  const titleWidth = Math.min(MAX_TITLE, widest(quality.lines.map(({ title }) => title)));
  const figureWidth = widest(quality.lines.map(({ figure }) => figure));
  const lead = INDENT.length + 4 + 2 + titleWidth + 2 + figureWidth + 2;
  const room = columns === null ? null : Math.max(MIN_TEXT, columns - lead);
  const blocks = QUALITY_SECTIONS.flatMap((section) => {
    const lines = quality.lines.filter((line) => line.section === section);
    if (lines.length === 0) return [];
    return ['', HEADINGS[section], ...lines.flatMap((line) => linesOf(line))];
  });
  return [`quality   ${completenessText(quality)}`, ...blocks];

  function linesOf(line: QualityLine): string[] {
    const texts = [printable(line.sentence)];
    if (line.severity !== 'good') texts.push(`-> ${printable(line.remedy)}`);
    const [first = '', ...others] = texts.flatMap((text) => wrapped(text, room));
    const title = printable(line.title);
    const mark = MARKS[line.severity].padEnd(4);
    const figure = printable(line.figure).padStart(figureWidth);
    const fits = width(title) <= titleWidth;
    const head = `${INDENT}${mark}  ${fits ? title.padEnd(titleWidth) : title}`;
    const blank = ' '.repeat(lead);
    const top = fits
      ? [`${head}  ${figure}  ${first}`]
      : [head, `${' '.repeat(lead - figureWidth - 2)}${figure}  ${first}`];
    return [...top, ...others.map((text) => `${blank}${text}`)];
  }
}

const width = (text: string): number => Array.from(text).length;
const widest = (texts: readonly string[]): number =>
  texts.reduce((most, text) => Math.max(most, width(printable(text))), 0);

/** Breaks a text at blanks into lines of at most `room` characters; a longer word stays whole. */
function wrapped(text: string, room: number | null): string[] {
  if (room === null) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
