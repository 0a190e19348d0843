import { resolve } from 'node:path';
import type { SourceSpec } from '#shared/model/capture-spec.ts';
import type { FoundProbe, ProbeKind, ProbeMatches } from '#shared/model/probe-list.ts';
import { MAX_PROBES_LISTED } from '#shared/model/probe-list.ts';
import { formatCount, formatDuration } from '#shared/text/format-value.ts';
import { printable } from '#shared/text/printable-text.ts';
import { estimateRate } from '../../capture/rate-estimate.ts';
import { ProbeSearch } from '../../engine/probes/probe-search.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { functionProbe } from '../source-options.ts';
import { out, printError } from '../terminal.ts';
import { type Column, textTable } from '../text-table.ts';

export interface ProbesOptions {
  readonly top: number;
  readonly kind?: ProbeKind;
  readonly binary?: string;
  readonly estimate?: boolean;
  readonly json?: boolean;
}

const HEADS: readonly Column[] = [
  { heading: 'probe', align: 'left' },
  { heading: 'about', align: 'left' },
  { heading: 'problem', align: 'left' },
];
const TITLES: Readonly<Record<ProbeKind, string>> = {
  function: 'Functions (--function, --trace)',
  tracepoint: 'Tracepoints (--trace tracepoint:..., --count)',
  usdt: 'USDT probes',
  perf: 'Counted events (--count)',
};

interface Listed extends ProbeMatches {
  readonly kind: ProbeKind;
}

/** Prints what can be measured whose name matches; fails when nothing does. */
export function runProbes(query: string, options: ProbesOptions): ExitCode {
  const path = options.binary === undefined ? '' : resolve(options.binary);
  const usual: readonly ProbeKind[] =
    path === '' ? ['function', 'tracepoint', 'perf'] : ['function', 'usdt'];
  const search = new ProbeSearch();
  const limit = Math.min(options.top, MAX_PROBES_LISTED);
  const listed: Listed[] = [];
  for (const kind of options.kind === undefined ? usual : [options.kind]) {
    const found = search.find({ query, kind, path, offset: 0, limit });
    if (!found.ok) return printError(found.error);
    listed.push({ kind, ...found.value });
  }
  if (options.json === true) out.write(jsonText(listed));
  else for (const [at, matches] of listed.entries()) print(matches, at > 0);
  return listed.some(({ total }) => total > 0) ? EXIT.ok : EXIT.failed;
}

/** Prints how often a function is called, or a tracepoint hit, on the whole machine now. */
export async function runEstimate(probe: string, { json }: ProbesOptions): Promise<ExitCode> {
  const estimated = await estimateRate(sourceOf(probe), { kind: 'machine' });
  if (!estimated.ok) return printError(estimated.error);
  const { perSecond, nsEach, cpuShare, mechanism, note } = estimated.value;
  if (json === true) {
    out.write(jsonText(estimated.value));
    return EXIT.ok;
  }
  const rate = formatCount(Math.round(perSecond));
  const cost =
    perSecond === 0 ? '' : `, ${formatDuration(nsEach)} each: ${percent(cpuShare)} of a CPU`;
  out.line(`${printable(probe)}: ${rate} per second by ${mechanism}${cost}`);
  if (note !== '') out.line(out.styled('dim', printable(note)));
  return EXIT.ok;
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`;

/** "CATEGORY:NAME" is a tracepoint, all else a function. */
function sourceOf(probe: string): SourceSpec {
  const [, category = '', name = ''] = /^([\w-]+):([\w-]+)$/.exec(probe) ?? [];
  if (name !== '') {
    return { kind: 'count', event: { type: 'tracepoint', category, name }, period: 1 };
  }
  return { kind: 'function', probe: functionProbe(probe), minNs: 0, detail: 'histogram' };
}

function print({ kind, probes, total, notes }: Listed, isFurther: boolean): void {
  if (isFurther) out.line();
  const shown = total > probes.length ? `${formatCount(probes.length)} of ` : '';
  out.line(out.styled('bold', `${TITLES[kind]}: ${shown}${formatCount(total)}`));
  if (probes.length > 0) {
    for (const line of textTable(HEADS, probes.map(cellsOf), out.columns)) out.line(line);
  }
  for (const note of notes) out.line(out.styled('dim', printable(note)));
}

const cellsOf = ({ text, detail, problem }: FoundProbe): string[] => [text, detail, problem];
