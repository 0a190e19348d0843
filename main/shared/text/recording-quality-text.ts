import type { CutStacks } from '../model/quality.ts';
import type { SessionInfo, UnwindTables } from '../model/session-info.ts';
import { formatBytes, formatDuration, formatPercent, formatQuantity } from './format-value.ts';
import { describeLoss, LOSS_REASONS } from './loss-text.ts';
import type { QualityLine, Severity } from './quality-line.ts';

const NOTHING = 'Nothing needs doing.';
/** Own CPU beyond which people should know, share of one CPU. */
const MUCH_CPU = 0.05;

/** Lost, collided, throttled. `cut`: reasons that have their own line are not said twice. */
export function lossLines(info: SessionInfo, cut: readonly CutStacks[]): QualityLine[] {
  const isTold = cut.some(({ stop }) => stop === 'depth');
  const entries = info.loss
    .filter(({ reason, count }) => count > 0 && !(isTold && reason === 'stack-truncated'))
    .sort((a, b) => LOSS_REASONS.indexOf(a.reason) - LOSS_REASONS.indexOf(b.reason));
  const line = { section: 'samples', search: null } as const;
  if (entries.length === 0) {
    return [
      {
        ...{ ...line, id: 'loss', severity: 'good', title: 'Lost, collided, throttled' },
        ...{ figure: 'none', share: 0 },
        sentence: 'Every sample that was taken is in the session.',
        remedy: NOTHING,
      },
    ];
  }
  return entries.map((entry) => {
    const { effect, quantity, sentence, remedy } = describeLoss(entry);
    const of = entry.count / (entry.count + info.sampleCount);
    const isOfSamples = effect !== 'context' && entry.reason !== 'record-malformed';
    return {
      ...{ ...line, id: `loss ${entry.reason}`, severity: lossSeverity(effect, of) },
      title: TITLES[effect],
      figure: quantity,
      share: isOfSamples ? of : null,
      sentence,
      remedy,
    };
  });
}

const TITLES = { lost: 'Lost', reduced: 'Without all of the stack', context: 'Limited' } as const;

function lossSeverity(effect: keyof typeof TITLES, share: number): Severity {
  if (effect === 'lost') return share >= 0.01 ? 'bad' : 'warning';
  return effect === 'reduced' && share >= 0.01 ? 'warning' : 'note';
}

/** How user stacks were walked, and the memory that takes. */
export function unwindLines({ unwind, spec }: SessionInfo): QualityLine[] {
  if (!spec.userStacks) return [];
  const { mode, fallback, tables } = unwind;
  const isLess = fallback !== '' || mode !== spec.unwind;
  const line = { section: 'unwinding', share: null, search: null } as const;
  const how: QualityLine = {
    ...{ ...line, id: 'unwind', title: 'Unwinding', figure: mode },
    severity: isLess ? 'warning' : 'good',
    sentence: isLess ? fallback || `"${spec.unwind}" was asked for.` : MODES[mode],
    remedy: isLess ? 'Run: emberscope doctor, which says what this kernel lacks.' : NOTHING,
  };
  return tables === null ? [how] : [how, ...tableLines(tables)];
}

const MODES = {
  auto: 'User stacks are walked by unwind tables, and by frame pointers where there are none.',
  eh: 'User stacks are walked by unwind tables alone.',
  fp: 'User stacks are walked by the kernel along frame pointers.',
} as const;

function tableLines(tables: UnwindTables): QualityLine[] {
  const line = { section: 'unwinding', share: null, search: null } as const;
  const { tables: count, tableBytes, budgetBytes, pending, overBudget, failed } = tables;
  const lines: QualityLine[] = [
    {
      ...{ ...line, id: 'tables', severity: 'good', title: 'Unwind tables' },
      figure: `${formatBytes(tableBytes)} of ${formatBytes(budgetBytes)}`,
      sentence: `${formatQuantity(count, 'image')} with a table in the kernel's memory.`,
      remedy: NOTHING,
    },
  ];
  if (pending > 0) {
    lines.push({
      ...{ ...line, id: 'tables pending', severity: 'note', title: 'Tables being built' },
      figure: formatQuantity(pending, 'image'),
      sentence: 'Their stacks are cut until the table is loaded.',
      remedy: 'Nothing needs doing: the first second of a program may lack some.',
    });
  }
  if (overBudget > 0) {
    lines.push({
      ...{ ...line, id: 'tables refused', severity: 'warning', title: 'Tables without room' },
      figure: formatQuantity(overBudget, 'image'),
      sentence: 'The memory for tables was spent, so stacks are cut in these images.',
      remedy: 'Record one process or cgroup instead of the whole machine.',
    });
  }
  if (failed > 0) {
    lines.push({
      ...{ ...line, id: 'tables absent', severity: 'note', title: 'Images without unwind rows' },
      figure: formatQuantity(failed, 'image'),
      sentence:
        'They hold no unwind information that can be read; frame pointers are followed there.',
      remedy: 'If stacks are cut in them, build them with -fasynchronous-unwind-tables.',
    });
  }
  return lines;
}

/** What recording took: each part with its share of one CPU. */
export function costLines({ cost, duration, host }: SessionInfo): QualityLine[] {
  const share = (ns: number): number => (duration > 0 ? ns / duration : Number.NaN);
  const parts = [
    ['bpf', 'BPF programs', cost.bpfNs, `all ${host.cpus} CPUs together`],
    ['helper', 'Helper', cost.helperCpuNs, `${formatBytes(cost.helperRssBytes)} resident`],
    ['engine', 'Engine', cost.engineCpuNs, `${formatBytes(cost.engineRssBytes)} resident`],
  ] as const;
  return parts.map(([id, title, ns, more]) => {
    const isMuch = share(ns) > MUCH_CPU;
    return {
      ...{ id: `cost ${id}`, section: 'cost', severity: isMuch ? 'warning' : 'good' },
      title: `Own CPU: ${title}`,
      figure: `${formatPercent(share(ns))} of a CPU`,
      share: null,
      sentence: `${formatDuration(ns)} while recording; ${more}.`,
      remedy: isMuch ? 'Record at a lower rate, or use --aggregate.' : NOTHING,
      search: null,
    };
  });
}
