import { describe, expect, it } from 'vitest';
import { buildCallTree } from '#shared/model/call-tree.ts';
import { WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import {
  EMPTY_CURSOR,
  type SessionDelta,
  type SessionTables,
} from '#shared/model/session-tables.ts';
import { GrowingTables } from '../../../renderer/worker/growing-tables.ts';
import { printTree } from '../../support/print-tree.ts';
import { tablesOf } from '../../support/tables-of.ts';

/** Rows [from, to) of every column. */
function rows<T extends { readonly length: number }>(table: T, from: number, to: number): T {
  const cut: Record<string, unknown> = { length: to - from };
  for (const [name, column] of Object.entries(table)) {
    if (name !== 'length') {
      cut[name] = (column as unknown as { slice(a: number, b: number): unknown }).slice(from, to);
    }
  }
  return cut as T;
}

/** A session as deltas: the rows each table holds at fixed shares of its length. */
function deltasOf(tables: SessionTables, steps: number): SessionDelta[] {
  const deltas: SessionDelta[] = [];
  const at = (table: { readonly length: number }, step: number) =>
    Math.floor((table.length * step) / steps);
  for (let step = 0; step < steps; step++) {
    const part = <T extends { readonly length: number }>(table: T) =>
      rows(table, at(table, step), at(table, step + 1));
    const cursor = { ...EMPTY_CURSOR, chunks: step, symbols: at(tables.symbols, step) };
    deltas.push({
      from: cursor,
      to: { ...cursor, chunks: step + 1, symbols: at(tables.symbols, step + 1) },
      tables: {
        images: part(tables.images),
        imageProblems: tables.imageProblems,
        processes: tables.processes,
        threads: tables.threads,
        functions: part(tables.functions),
        sourceFiles: part(tables.sourceFiles),
        symbols: part(tables.symbols),
        frames: part(tables.frames),
        stacks: part(tables.stacks),
        samples: part(tables.samples),
        sources: tables.sources,
        series: part(tables.series),
        latencies: part(tables.latencies),
      },
    });
  }
  return deltas;
}

const TEXT = Array.from({ length: 40 }, (_, k) => `main;f${k % 7};g${k % 11} ${k + 1}`).join('\n');

describe('GrowingTables', () => {
  it('ends with the same picture however a session was cut into deltas', () => {
    const tables = tablesOf(TEXT);
    const expected = printTree(tables, buildCallTree(tables, WHOLE_SESSION));
    for (const steps of [1, 2, 5, 13]) {
      const growing = new GrowingTables();
      for (const delta of deltasOf(tables, steps)) expect(growing.append(delta)).toBe(true);
      const whole = growing.tables!;
      expect(printTree(whole, buildCallTree(whole, WHOLE_SESSION))).toBe(expected);
    }
  });

  it('takes symbols found later for frames it already holds', () => {
    const tables = tablesOf('main;libx.so+0x1f 1');
    const growing = new GrowingTables();
    const [delta] = deltasOf(tables, 1);
    growing.append(delta!);
    const names = {
      ...{ length: 1, name: ['found'], image: Int32Array.of(1) },
      interpreted: Uint8Array.of(0),
    };
    const none = deltasOf(tablesOf(''), 1)[0]!.tables;
    growing.append({
      ...delta!,
      from: delta!.to,
      to: { ...delta!.to, symbols: 2 },
      tables: {
        ...none,
        processes: tables.processes,
        threads: tables.threads,
        functions: names,
        symbols: {
          length: 1,
          frame: Int32Array.of(1),
          depth: Uint8Array.of(0),
          func: Int32Array.of(1),
          file: Int32Array.of(-1),
          line: Int32Array.of(0),
        },
      },
    });
    const whole = growing.tables!;
    expect(printTree(whole, buildCallTree(whole, WHOLE_SESSION))).toContain('found 1/1');
  });

  it('says when a delta brought nothing', () => {
    const growing = new GrowingTables();
    const [delta] = deltasOf(tablesOf(TEXT), 1);
    growing.append(delta!);
    const none = deltasOf(tablesOf(''), 1)[0]!;
    expect(growing.append({ ...none, to: growing.cursor })).toBe(false);
  });
});
