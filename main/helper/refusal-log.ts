import { printable } from '#shared/text/printable-text.ts';
import { libc } from '../ffi/libc.ts';
import { isElevated } from './parent-watch.ts';

/** LOG_AUTHPRIV | LOG_WARNING, syslog(3): where administrators look for what somebody tried. */
const PRIORITY = (10 << 3) | 4;
/** Longest text, characters: what was refused may have been written by whoever tried. */
const MAX_TEXT = 400;

/**
 * Tells the system's log what an elevated helper refused and to whom. Only before the capture stage, which
 * may open no socket: there the engine, which gets the error, is all that hears of it.
 */
export function logRefusal(what: string): void {
  if (!isElevated()) return;
  const text = printable(what).slice(0, MAX_TEXT);
  const who = `uid ${String(process.getuid?.())}`;
  libc().syslog(PRIORITY, '%s', `emberscope-helper: refused to ${who}: ${text}`);
}
