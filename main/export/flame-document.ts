import { buildCallTree, type CallTree } from '#shared/model/call-tree.ts';
import {
  type KeyLabel,
  keyCount,
  keySpaceOf,
  labelOfKey,
  ROOT_KEY,
} from '#shared/model/call-tree-keys.ts';
import { WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { type FlameRows, layoutFlame, rankKeys } from '#shared/model/flame-layout.ts';
import { formatDuration, formatPercent, formatQuantity } from '#shared/text/format-value.ts';
import { lostSamples } from '#shared/text/loss-text.ts';
import { fitted, printable } from '#shared/text/printable-text.ts';
import { describeTarget } from '#shared/text/target-text.ts';
import type { ExportSource } from './exporter.ts';

/** What fits beside each other at the title's size, characters. */
const MAX_TITLE = 120;

/** A laid out flame graph with its words; what SVG and HTML draw. */
export interface FlameDocument {
  readonly tree: CallTree;
  readonly rows: FlameRows;
  /** What was recorded and where. */
  readonly title: string;
  /** When, how long, how many samples, what was lost. */
  readonly subtitle: string;
  /** The words for a box of `rows`. Names are printable. */
  label(box: number): KeyLabel;
  /** "read: 12 samples, 3.21 %". */
  describe(box: number): string;
}

/** Lays out the whole session, grouped by command, siblings by name. */
export function flameDocumentOf({ tables, info }: ExportSource): FlameDocument {
  const selection = { ...WHOLE_SESSION, roots: 'command' } as const;
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
    subtitle: subtitleOf({ tables, info }),
    label,
    describe: (box) => {
      const node = rows.node[box]!;
      const weight = tree.total[node]!;
      const name = tree.key[node] === ROOT_KEY ? 'all' : label(box).name;
      const share = whole > 0 ? formatPercent(weight / whole) : '0 %';
      return `${name}: ${formatQuantity(weight, 'sample')}, ${share}`;
    },
  };
}

function subtitleOf({ info }: ExportSource): string {
  const lost = lostSamples(info.loss);
  const parts = [
    info.startedAt.slice(0, 19).replace('T', ' ') + ' UTC',
    formatDuration(info.duration),
    `${formatQuantity(info.totalWeight, 'sample')} at ${info.spec.rate} Hz per CPU`,
    lost === 0 ? 'none lost' : `${formatQuantity(lost, 'sample')} lost`,
  ];
  return parts.join(' · ');
}
