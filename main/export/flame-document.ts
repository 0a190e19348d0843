import { buildCallTree, type CallTree } from '#shared/model/call-tree.ts';
import {
  type KeyLabel,
  keyCount,
  keySpaceOf,
  labelOfKey,
  ROOT_KEY,
} from '#shared/model/call-tree-keys.ts';
import { type Selection, WALL_CLOCK, WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { type FlameRows, layoutFlame, rankKeys } from '#shared/model/flame-layout.ts';
import type { WeightUnit } from '#shared/model/session-tables.ts';
import { formatDuration, formatPercent, formatQuantity } from '#shared/text/format-value.ts';
import { lostSamples } from '#shared/text/loss-text.ts';
import { fitted, printable } from '#shared/text/printable-text.ts';
import { describeTarget } from '#shared/text/target-text.ts';
import { formatWeight, unitOf } from '#shared/text/weight-text.ts';
import { NS_PER_S } from '#shared/units.ts';
import type { ExportSource } from './exporter.ts';

/** What fits beside each other at the title's size, characters. */
const MAX_TITLE = 120;

/** A laid out flame graph with its words; what SVG and HTML draw. */
export interface FlameDocument {
  readonly tree: CallTree;
  readonly rows: FlameRows;
  /** Of the tree's weights. */
  readonly unit: WeightUnit;
  /** What was recorded and where. */
  readonly title: string;
  /** When, how long, what was measured, what was lost; printable, as the title is. */
  readonly subtitle: string;
  /** The words for a box of `rows`. Names are printable. */
  label(box: number): KeyLabel;
  /** "read: 12 samples, 3.21 %". */
  describe(box: number): string;
}

/** The whole of the exported source, grouped by command. */
export const selectionOf = ({ info, source = 0 }: ExportSource): Selection => ({
  ...WHOLE_SESSION,
  roots: 'command',
  source,
  sampleNs: NS_PER_S / info.spec.rate,
});

/** Lays out the whole of a source, grouped by command, siblings by name. */
export function flameDocumentOf(exported: ExportSource): FlameDocument {
  const { tables, info } = exported;
  const selection = selectionOf(exported);
  const unit = unitOf(tables.sources, selection.source);
  const space = keySpaceOf(tables, selection.roots);
  const tree = buildCallTree(tables, selection, space);
  const rawLabel = (key: number, frame: number): KeyLabel => labelOfKey(tables, space, key, frame);
  const rank = rankKeys(tree, keyCount(space), (key, frame) => rawLabel(key, frame).name);
  const rows = layoutFlame(tree, rank, 'name');
  const label = (box: number): KeyLabel => {
    const node = rows.node[box]!;
    const found = rawLabel(tree.key[node]!, tree.frame[node]!);
    return { ...found, name: printable(found.name), image: printable(found.image) };
  };
  const whole = tree.total[0]!;
  return {
    tree,
    rows,
    title: fitted(`${describeTarget(info.spec.target)} on ${info.host.hostname}`, MAX_TITLE),
    unit,
    subtitle: subtitleOf(exported, whole, unit),
    label,
    describe: (box) => {
      const node = rows.node[box]!;
      const weight = tree.total[node]!;
      const name = tree.key[node] === ROOT_KEY ? 'all' : label(box).name;
      const share = whole > 0 ? formatPercent(weight / whole) : '0 %';
      return `${name}: ${formatWeight(weight, unit)}, ${share}`;
    },
  };
}

function subtitleOf(exported: ExportSource, whole: number, unit: WeightUnit): string {
  const { info } = exported;
  const lost = lostSamples(info.loss);
  const parts = [
    info.startedAt.slice(0, 19).replace('T', ' ') + ' UTC',
    formatDuration(info.duration),
    measuredText(exported, whole, unit),
    lost === 0 ? 'none lost' : `${formatQuantity(lost, 'sample')} lost`,
  ];
  return printable(parts.join(' · '));
}

/** "100 samples at 99 Hz per CPU", "Off-CPU time: 12.5 s". */
function measuredText(
  { tables, info, source = 0 }: ExportSource,
  whole: number,
  unit: WeightUnit,
): string {
  if (source === WALL_CLOCK) return `Wall clock: ${formatWeight(whole, unit)}`;
  if (unit === 'samples') return `${formatWeight(whole, unit)} at ${info.spec.rate} Hz per CPU`;
  return `${tables.sources.title[source] ?? ''}: ${formatWeight(whole, unit)}`;
}
