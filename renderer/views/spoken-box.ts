import { formatCount, formatPercent, formatQuantity } from '#shared/text/format-value.ts';
import { formatWeight } from '#shared/text/weight-text.ts';
import { ancestry, type FlameModel } from '../charts/flame-model.ts';

/** What is said of a box that keys have reached: name, weight, callees, callers and depth. */
export function spokenBox({ flame, labels, unit }: FlameModel, box: number): string {
  const total = flame.total[box]!;
  const path = ancestry(flame, box).map((at) => labels.spokenNameOf(flame.label[at]!));
  const name = path.at(-1) ?? 'all samples';
  const callers = path.slice(0, -1).reverse().slice(0, 3);
  return [
    `${name}, ${formatPercent(total / (flame.total[0]! || 1))}, ${formatWeight(total, unit)}`,
    formatQuantity(flame.childCount[box]!, 'callee'),
    callers.length > 0 ? `called by ${callers.join(', ')}` : '',
    `depth ${formatCount(path.length)}`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}
