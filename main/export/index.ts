import type { Writable } from 'node:stream';
import type { ProfilerError } from '#shared/errors.ts';
import { err, type Result } from '#shared/result.ts';
import type { Exporter, ReadableSession } from './exporter.ts';
import { FOLDED } from './folded.ts';
import { HTML } from './html.ts';
import { type Written, writeFileAtomically, writeToStream } from './output.ts';
import { readSession } from './read-session.ts';
import { SVG } from './svg.ts';

/** Every output format, in the order of menus. */
export const EXPORTERS: readonly Exporter[] = [FOLDED, SVG, HTML];

/**
 * Writes a session in a format, to a path (replacing a file there only once the new one is complete)
 * or to a stream. `format` may be any text: an unknown one is an error that names the known. `shown`: the
 * row of the source to export, or WALL_CLOCK.
 */
export async function exportSession(
  session: ReadableSession,
  format: string,
  output: string | Writable,
  shown = 0,
): Promise<Result<Written, ProfilerError>> {
  const exporter = EXPORTERS.find(({ id }) => id === format);
  if (exporter === undefined) {
    return err({ kind: 'format-unknown', format, known: EXPORTERS.map(({ id }) => id) });
  }
  const source = await readSession(session);
  if (!source.ok) return source;
  const text = exporter.render({ ...source.value, source: shown });
  return typeof output === 'string'
    ? writeFileAtomically(output, text)
    : writeToStream(output, 'standard output', text);
}
