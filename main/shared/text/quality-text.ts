import { shortImageName } from '../model/call-tree-keys.ts';
import type { ImageProblem } from '../model/image-problem.ts';
import type { StackQuality } from '../model/quality.ts';
import type { RuntimeHint } from '../model/runtime-hints.ts';
import type { SessionInfo } from '../model/session-info.ts';
import type { ImageKind } from '../model/session-tables.ts';
import { UNWIND_STOPS } from '../model/unwind-stop.ts';
import { formatPercent } from './format-value.ts';
import { imageProblemWords } from './image-problem-text.ts';
import type { QualityLine, Severity } from './quality-line.ts';
import { costLines, lossLines, unwindLines } from './recording-quality-text.ts';
import { incompleteName, stopWords } from './unwind-text.ts';
import { formatWeight } from './weight-text.ts';

/** The one figure: which share of the user stacks is complete. */
export interface Completeness {
  /** 0 to 1; NaN: there is no user stack. */
  readonly share: number;
  /** Judged by the names of root functions, because nobody marked the stacks. */
  readonly isEstimate: boolean;
}

/** Reasons listed for themselves; lighter ones are summed. */
const MAX_REASONS = 12;
const MAX_MODULE_LINES = 8;

/** With frame pointers alone nobody tells how a walk ended. */
const isUnmarked = ({ unwind }: SessionInfo): boolean => unwind.mode === 'fp';

export function completenessOf(quality: StackQuality, info: SessionInfo): Completeness {
  const isEstimate = isUnmarked(info);
  const whole = quality.weight - quality.withoutUserStack;
  let complete = 0;
  for (const { root, weight } of quality.unmarked) {
    if (!isEstimate || root === 'start') complete += weight;
  }
  return { share: whole > 0 ? complete / whole : Number.NaN, isEstimate };
}

/** "98.7 % complete", "about 43.0 % complete". */
export function completenessText({ share, isEstimate }: Completeness): string {
  if (Number.isNaN(share)) return 'no user stacks';
  return `${isEstimate ? 'about ' : ''}${formatPercent(share)} complete`;
}

/** Everything there is to say, section by section, heaviest first. */
export function qualityLines(
  quality: StackQuality,
  info: SessionInfo,
  hints: readonly RuntimeHint[],
): QualityLine[] {
  return [
    ...stackLines(quality, info),
    ...nameLines(quality),
    ...hints.map(hintLine),
    ...lossLines(info, quality.cut),
    ...unwindLines(info),
    ...costLines(info),
  ];
}

/** Whether no line asks for anything. */
export const isFlawless = (lines: readonly QualityLine[]): boolean =>
  lines.every(({ severity }) => severity === 'good');

function stackLines(quality: StackQuality, info: SessionInfo): QualityLine[] {
  const completeness = completenessOf(quality, info);
  const { share, isEstimate } = completeness;
  const line = { section: 'stacks', search: null, share } as const;
  if (Number.isNaN(share)) {
    const off = !info.spec.userStacks;
    return [
      {
        ...{ ...line, id: 'stacks', severity: 'note', title: 'User stacks', share: null },
        figure: 'none',
        sentence: off ? 'User stacks were not recorded.' : 'No sample here has a user stack.',
        remedy: off
          ? 'Record with user stacks to see callers.'
          : 'Nothing needs doing: kernel threads have none.',
      },
    ];
  }
  const head: QualityLine = {
    ...{ ...line, id: 'stacks', severity: severityOf(1 - share), title: 'Complete user stacks' },
    figure: `${isEstimate ? 'about ' : ''}${formatPercent(share)}`,
    sentence: isEstimate
      ? "An estimate: those whose root function is known to start threads. The kernel's walk by frame pointers does not tell where it ended."
      : "These stacks reach their thread's start.",
    remedy: isEstimate
      ? 'Record with unwinding "auto", which reads unwind tables and marks what is cut.'
      : share === 1
        ? 'Nothing needs doing.'
        : 'What cuts the others is listed below.',
  };
  const cuts = cutLines(quality);
  return [head, ...cuts, ...(isEstimate ? rootLines(quality) : [])];
}

const userWeight = ({ weight, withoutUserStack }: StackQuality): number =>
  weight - withoutUserStack;

/** Incomplete by reason and by the image at which the walk ended. */
function cutLines(quality: StackQuality): QualityLine[] {
  const whole = userWeight(quality);
  return quality.cut.slice(0, MAX_REASONS).map(({ stop, image, weight }) => {
    const { short, sentence, remedy } = stopWords(stop);
    return {
      ...{ id: `cut ${stop} ${image}`, section: 'stacks', severity: severityOf(weight / whole) },
      title: image === '' ? `Cut: ${short}` : `Cut: ${short} at ${shortImageName(image)}`,
      figure: formatPercent(weight / whole),
      share: weight / whole,
      sentence: `${formatWeight(weight, quality.unit)}. ${sentence}`,
      remedy,
      search: incompleteName(UNWIND_STOPS.indexOf(stop)),
    };
  });
}

/** Where unmarked stacks end that do not end at a thread's start. */
function rootLines(quality: StackQuality): QualityLine[] {
  const whole = userWeight(quality);
  return quality.unmarked
    .filter(({ root }) => root !== 'start')
    .slice(0, MAX_REASONS)
    .map(({ root, image, weight }) => ({
      ...{ id: `root ${root} ${image}`, section: 'stacks', severity: severityOf(weight / whole) },
      title:
        root === 'named'
          ? `Ends within ${shortImageName(image)}`
          : `Ends without a name in ${shortImageName(image)}`,
      figure: formatPercent(weight / whole),
      share: weight / whole,
      sentence:
        root === 'named'
          ? `${formatWeight(weight, quality.unit)}. The root function is one that others call: callers are missing.`
          : `${formatWeight(weight, quality.unit)}. The root function has no name, so nobody knows whether callers are missing.`,
      remedy:
        root === 'named'
          ? 'Record with unwinding "auto", or build that code with -fno-omit-frame-pointer.'
          : 'Install its debug symbols and run: emberscope symbolize FILE',
      search: null,
    }));
}

function nameLines({
  weight,
  unnamed,
  unnamedLeaf,
  modules,
  ...rest
}: StackQuality): QualityLine[] {
  const share = weight > 0 ? unnamed / weight : 0;
  const head: QualityLine = {
    ...{
      id: 'names',
      section: 'names',
      severity: severityOf(share),
      title: 'Frames without a name',
    },
    figure: formatPercent(share),
    share,
    sentence:
      unnamed === 0
        ? 'Every frame has a name.'
        : `${formatWeight(unnamed, rest.unit)} with one or more; ${formatWeight(unnamedLeaf, rest.unit)} ended in one.`,
    remedy: unnamed === 0 ? 'Nothing needs doing.' : 'The modules are listed below.',
    search: null,
  };
  const shown = modules
    .slice(0, MAX_MODULE_LINES)
    .map(({ path, kind, any, leaf, problem }): QualityLine => {
      const words = problem === null ? null : imageProblemWords(about(problem, path));
      return {
        ...{ id: `module ${path} ${problem?.kind ?? ''}`, section: 'names' },
        severity: severityOf(any / weight),
        title: `Unnamed in ${shortImageName(path) || '[unknown]'}${words === null ? '' : `: ${words.short}`}`,
        figure: formatPercent(any / weight),
        share: any / weight,
        sentence: `${formatWeight(any, rest.unit)}, ${formatWeight(leaf, rest.unit)} at the end. ${words?.sentence ?? `From ${path}.`}`,
        remedy: words?.remedy ?? unnamedRemedy(kind),
        search: `/^${escaped(shortImageName(path))}\\+0x/`,
      };
    });
  const hidden = modules.length - shown.length + rest.modulesOmitted;
  const more: QualityLine = {
    ...{ id: 'more modules', section: 'names', severity: 'note', title: 'Other modules' },
    ...{ figure: String(hidden), share: null, search: null },
    sentence: 'They have fewer frames without a name.',
    remedy: UNKNOWN_REMEDY,
  };
  return hidden > 0 ? [head, ...shown, more] : [head, ...shown];
}

/** People know the file by its name in the recording, whatever way led to it. */
const about = (problem: ImageProblem, path: string): ImageProblem =>
  'path' in problem ? { ...problem, path } : problem;

const UNKNOWN_REMEDY = 'Install debug symbols and run: emberscope symbolize FILE';

function unnamedRemedy(kind: ImageKind): string {
  switch (kind) {
    case 'jit':
      return 'Let the runtime that generated it write a perf map or jitdump, and record again.';
    case 'kernel':
    case 'module':
      return 'Record with the right to read kernel symbols: emberscope doctor says how.';
    case 'unknown':
      return 'Nothing can be done: the memory belonged to no file when the sample was taken.';
    case 'elf':
    case 'vdso':
      return UNKNOWN_REMEDY;
  }
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

const hintLine = ({ runtime, label, share, sentence, remedy }: RuntimeHint): QualityLine => ({
  ...{ id: `runtime ${runtime}`, section: 'names', severity: severityOf(share) },
  title: `Names of ${label}`,
  figure: formatPercent(share),
  ...{ share, sentence, remedy, search: null },
});

/** What a share of samples that lack something means. */
const severityOf = (missing: number): Severity =>
  missing <= 0 ? 'good' : missing < 0.02 ? 'note' : missing < 0.2 ? 'warning' : 'bad';
