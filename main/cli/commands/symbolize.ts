import { formatBytes, formatCount, formatQuantity } from '#shared/text/format-value.ts';
import { imageProblemWords } from '#shared/text/image-problem-text.ts';
import { printable } from '#shared/text/printable-text.ts';
import {
  type ImageOutcome,
  type ResymbolizeOutcome,
  resymbolize,
} from '../../capture/resymbolize.ts';
import { DebuginfodClient, debuginfodUrls } from '../../symbolize/debuginfod.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { log, out, printError } from '../terminal.ts';
import { textTable } from '../text-table.ts';

export interface SymbolizeOptions {
  readonly force?: boolean;
  readonly debuginfod?: boolean;
  /** Bytes to download at most, MiB. */
  readonly downloadLimit: number;
  readonly json?: boolean;
}

/** Images printed; the rest is summed up. */
const MAX_ROWS = 20;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const CLEAR = '\r\x1b[K';
/** The progress line is redrawn at most this often, ms. */
const DRAW_EVERY_MS = 200;

/** Names what has no name in a recorded session, from files that are here now. */
export async function runSymbolize(path: string, options: SymbolizeOptions): Promise<ExitCode> {
  if (options.debuginfod === true && debuginfodUrls().length === 0) {
    log.line('emberscope: DEBUGINFOD_URLS names no server, so nothing is fetched.');
    log.line('  Set it to the server of your distribution, e.g. https://debuginfod.debian.net');
    return EXIT.usage;
  }
  using debuginfod =
    options.debuginfod === true
      ? new DebuginfodClient({ budgetBytes: options.downloadLimit * 2 ** 20 })
      : null;
  const stop = new AbortController();
  const onSignal = (): void => {
    stop.abort();
    debuginfod?.cancel();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    const done = await resymbolize(path, {
      force: options.force === true,
      debuginfod,
      signal: stop.signal,
      onProgress: progressOnTerminal(),
    });
    if (log.isTerminal) log.write(CLEAR);
    if (!done.ok) return printError(done.error);
    if (options.json === true) out.write(jsonText({ path, ...done.value }));
    else for (const line of outcomeLines(done.value)) out.line(line);
    return done.value.cancelled ? EXIT.interrupted : EXIT.ok;
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

function progressOnTerminal(): Parameters<typeof resymbolize>[1]['onProgress'] {
  let drawnAt = -Infinity;
  return ({ step, image, remaining, total, bytes }) => {
    const now = performance.now();
    if (!log.isTerminal || now - drawnAt < DRAW_EVERY_MS) return;
    drawnAt = now;
    const done = `${formatCount(total - remaining)} of ${formatCount(total)}`;
    const text =
      step === 'naming'
        ? `naming: ${done} frames`
        : `fetching: ${done} images, ${formatBytes(bytes)}   ${printable(image)}`;
    log.write(`${CLEAR}${text.slice(0, (log.columns ?? 100) - 20)}   Ctrl-C ends it`);
  };
}

/** What came of it: counts, then images with what is still missing and why. */
export function outcomeLines(outcome: ResymbolizeOutcome): string[] {
  const { frames, asked, named, unnamed, images } = outcome;
  const lines = [
    `${formatQuantity(named, 'frame')} of ${formatCount(asked)} looked up got a name; ${formatCount(unnamed)} of ${formatCount(frames)} in the session have none`,
  ];
  if (outcome.cancelled) lines.push('ended early: what was found until then is in the file');
  const gained = images.filter((image) => image.named > 0);
  if (gained.length > 0) lines.push('', 'named', ...imageTable(gained, ({ named: n }) => n));
  const missing = images.filter((image) => image.unnamed > 0);
  if (missing.length > 0) {
    lines.push('', 'without names', ...imageTable(missing, (image) => image.unnamed));
    lines.push(...reasonLines(missing));
  }
  if (outcome.fetched !== null) lines.push('', ...fetchLines(outcome.fetched));
  return lines;
}

const COLUMNS = [
  { heading: 'frames', align: 'right' },
  { heading: 'image', align: 'left' },
  { heading: '', align: 'left' },
] as const;

function imageTable(
  images: readonly ImageOutcome[],
  count: (image: ImageOutcome) => number,
): string[] {
  const shown = images.slice(0, MAX_ROWS);
  const rows = shown.map((image) => {
    const { problem, path, unnamed } = image;
    const why = problem === null ? 'no symbol covers them' : imageProblemWords(problem).short;
    return [formatCount(count(image)), path, unnamed > 0 ? why : ''];
  });
  const rest = images.length - shown.length;
  const lines = textTable(COLUMNS, rows, out.columns);
  return rest > 0 ? [...lines, `and ${formatQuantity(rest, 'more image')}`] : lines;
}

/** Why names are missing, each kind of reason once, with what to do; the hottest image stands for it. */
function reasonLines(images: readonly ImageOutcome[]): string[] {
  const lines: string[] = [];
  const seen = new Set<string>();
  for (const { problem } of images) {
    if (problem === null || seen.has(problem.kind)) continue;
    seen.add(problem.kind);
    const { sentence, remedy } = imageProblemWords(problem);
    lines.push('', printable(sentence), `  ${printable(remedy)}`);
  }
  return lines;
}

function fetchLines(fetched: NonNullable<ResymbolizeOutcome['fetched']>): string[] {
  if (fetched.unavailable !== null) {
    return [
      `debuginfod could not be used: ${printable(fetched.unavailable)}`,
      '  Install its client library: apt install libdebuginfod1, or dnf install elfutils-debuginfod-client',
    ];
  }
  const { asked, found, missing, givenUp, bytes } = fetched;
  const parts = [
    `asked for ${formatQuantity(asked, 'image')}`,
    `${formatCount(found)} found`,
    `${formatCount(missing)} on no server`,
    ...(givenUp > 0 ? [`${formatCount(givenUp)} given up (too large or too slow)`] : []),
    `${formatBytes(bytes)} downloaded`,
  ];
  return [`debuginfod: ${parts.join(', ')}`];
}
