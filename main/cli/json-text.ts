import { escapeUnprintable } from '#shared/text/printable-text.ts';

/** Indented JSON that is safe to show on a terminal: what JSON leaves raw is escaped as JSON escapes. */
export const jsonText = (value: unknown): string =>
  `${escapeUnprintable(JSON.stringify(value, null, 2))}\n`;
