import type {
  CostReport,
  LossEntry,
  SessionInfo,
  UnwindTables,
} from '#shared/model/session-info.ts';
import { LOSS_REASONS } from '#shared/text/loss-text.ts';
import { nanoseconds } from '#shared/units.ts';
import type { Connection } from './connection.ts';
import { metaFromRows } from './meta.ts';
import { undamaged } from './store-failure.ts';

/** Reads the facts about the session; a live one is read inside a transaction of the caller. */
export async function readInfo(connection: Connection): Promise<SessionInfo> {
  const { user_version: version } = await connection.one('PRAGMA user_version');
  const rows = await connection.all('SELECT key, value FROM meta');
  const meta = metaFromRows(new Map(rows.map((row) => [String(row['key']), String(row['value'])])));
  const sums = await connection.one(
    `SELECT coalesce(sum(samples), 0) AS samples, coalesce(max(last_ns), 0) AS last,
            coalesce(sum(weight) FILTER (WHERE source = 0), 0) AS weight FROM sample_chunk`,
  );
  const { cost, time, idle, unwind } = await readCost(connection);
  return {
    formatVersion: asNumber(version),
    recordedBy: meta.recordedBy,
    state: meta.state,
    host: meta.host,
    spec: meta.spec,
    startedAt: meta.startedAt,
    duration: nanoseconds(Math.max(meta.endNs, asNumber(sums['last']), time)),
    totalWeight: asNumber(sums['weight']),
    sampleCount: asNumber(sums['samples']),
    idleSamples: idle,
    loss: await readLoss(connection),
    cost,
    unwind: { ...meta.unwind, tables: unwind },
    end: meta.end,
  };
}

function asNumber(value: unknown): number {
  undamaged(typeof value === 'number', 'a number is missing');
  return value;
}

interface CostReading {
  readonly cost: CostReport;
  /** Of the last reading, ns since session start. */
  readonly time: number;
  readonly idle: number;
  readonly unwind: UnwindTables | null;
}

/** The last own-cost reading: its columns are totals since the start. */
async function readCost(connection: Connection): Promise<CostReading> {
  const [row] = await connection.all('SELECT * FROM cost ORDER BY time_ns DESC LIMIT 1');
  const field = (name: string): number => (row === undefined ? 0 : asNumber(row[name]));
  return {
    time: field('time_ns'),
    idle: field('idle_samples'),
    unwind:
      row === undefined || row['unwind_tables'] === null
        ? null
        : {
            tables: field('unwind_tables'),
            tableBytes: field('unwind_table_bytes'),
            budgetBytes: field('unwind_budget_bytes'),
            pending: field('unwind_pending'),
            overBudget: field('unwind_over_budget'),
            failed: field('unwind_failed'),
          },
    cost: {
      bpfNs: field('bpf_ns'),
      bpfRuns: field('bpf_runs'),
      helperCpuNs: field('helper_cpu_ns'),
      helperRssBytes: field('helper_rss_bytes'),
      engineCpuNs: field('engine_cpu_ns'),
      engineRssBytes: field('engine_rss_bytes'),
    },
  };
}

async function readLoss(connection: Connection): Promise<readonly LossEntry[]> {
  const rows = await connection.all('SELECT reason, count FROM loss ORDER BY reason');
  return rows.map((row) => {
    const reason = LOSS_REASONS.find((known) => known === row['reason']);
    undamaged(reason !== undefined, `loss has the unknown reason "${String(row['reason'])}"`);
    return { reason, count: asNumber(row['count']) };
  });
}
