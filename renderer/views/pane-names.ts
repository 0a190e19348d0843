import type { Details } from '../worker/profile-protocol.ts';
import type { ChipWords } from './selection-chips.ts';

/** Names of rows by what the worker has told so far: a chip keeps its name when its row is not listed. */
export class PaneNames implements ChipWords {
  private readonly series = new Map<number, string>();
  private readonly processes = new Map<number, string>();
  private readonly threads = new Map<number, string>();

  learn({ latency, processes, threads }: Details): void {
    for (const { rows, name, variant, process } of latency?.series ?? []) {
      const text = [name, variant, process].filter((part) => part !== '').join(' ');
      for (const row of rows) this.series.set(row, text);
    }
    for (const { row, comm, pid } of processes) this.processes.set(row, `${comm} (${pid})`);
    for (const { row, comm, tid } of threads) this.threads.set(row, `${comm} (${tid})`);
  }

  seriesName(rows: readonly number[]): string | null {
    const names = new Set(rows.map((row) => this.series.get(row) ?? 'one kind'));
    return names.size === 1 ? ([...names][0] ?? null) : null;
  }

  processName(row: number): string {
    return this.processes.get(row) ?? 'one process';
  }

  threadName(row: number): string {
    return this.threads.get(row) ?? 'one thread';
  }
}
