import type { CountedEvent, FunctionProbe, TraceProbe } from '#shared/model/capture-spec.ts';
import { err, ok, type Result } from '#shared/result.ts';

/** Probes as people type them; the same notation as on the command line, but paths must be absolute. */

/** "vfs_read", "vfs_*", "/usr/bin/app:function", "/usr/bin/app:+0x1230". */
export function functionProbe(text: string): Result<FunctionProbe, string> {
  const colon = text.lastIndexOf(':');
  if (colon < 0) {
    return /^[\w.*]+$/.test(text)
      ? ok({ type: 'kernel', name: text })
      : err('A kernel function such as vfs_read, or /path/to/file:function.');
  }
  const path = text.slice(0, colon);
  const symbol = text.slice(colon + 1);
  if (!path.startsWith('/') || symbol === '') return err('Write /path/to/file:function.');
  return ok({ type: 'user', path, symbol });
}

/** A function, "tracepoint:CATEGORY:NAME" or "usdt:PATH:PROVIDER:NAME". */
export function traceProbe(text: string): Result<TraceProbe, string> {
  const [type, ...rest] = text.split(':');
  if (type !== 'tracepoint' && type !== 'usdt') return functionProbe(text);
  const wanted = type === 'tracepoint' ? 2 : 3;
  if (rest.length !== wanted || rest.includes('')) {
    return err('Write tracepoint:CATEGORY:NAME or usdt:/path/to/file:PROVIDER:NAME.');
  }
  const [first = '', second = '', third = ''] = rest;
  if (type === 'tracepoint') return ok({ type, category: first, name: second });
  if (!first.startsWith('/')) return err('The path must begin with /.');
  return ok({ type, path: first, provider: second, name: third });
}

/** "page-faults", "page-faults/100" (every hundredth), "block:block_rq_issue". */
export function countedEvent(
  text: string,
): Result<{ readonly event: CountedEvent; readonly period: number }, string> {
  const [name = '', every = '1'] = text.split('/');
  const period = Number(every);
  const [category = '', event, ...more] = name.split(':');
  if (category === '' || event === '' || more.length > 0) {
    return err('An event such as page-faults, or CATEGORY:NAME of a tracepoint.');
  }
  if (!Number.isInteger(period) || period < 1) return err('After the slash: every how many.');
  return ok({
    event:
      event === undefined
        ? { type: 'perf', name: category }
        : { type: 'tracepoint', category, name: event },
    period,
  });
}
