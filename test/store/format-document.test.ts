import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EMPTY_CURSOR, FRAME_KINDS, IMAGE_KINDS } from '../../main/shared/model/session-tables.ts';
import { LOSS_REASONS } from '../../main/shared/text/loss-text.ts';
import { META_KEYS } from '../../main/store/meta.ts';
import { APPLICATION_ID, FORMAT_VERSION } from '../../main/store/schema.ts';
import { runSql } from '../../main/store/sql.ts';
import { openReader, temporaryFolder, valueOf, writeSmallSession } from '../support/store.ts';
import { writeSyntheticSession } from '../support/synthetic-session.ts';

const document = readFileSync('SESSION-FORMAT.md', 'utf8');

/** Cells of every table row below a heading, up to the next heading. */
function rowsBelow(heading: string): readonly (readonly string[])[] {
  const section = document.split(`\n### ${heading}\n`)[1]?.split('\n#')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('| '));
  return lines.map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
}

/** "name TYPE" of every documented column. */
const documentedColumns = (table: string): readonly string[] =>
  rowsBelow(table)
    .filter(([, type]) => ['INTEGER', 'TEXT', 'BLOB'].includes(type ?? ''))
    .map(([name, type]) => `${name ?? ''} ${type ?? ''}`);

const codeBlocks = (language: string): readonly string[] =>
  [...document.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    (match) => match[1] ?? '',
  );

async function freshFile(): Promise<string> {
  const path = join(temporaryFolder(), 'a.ember');
  await writeSmallSession(path);
  return path;
}

/** "name TYPE" of every column of every table or view in a file. */
async function actualColumns(path: string, type: 'table' | 'view'): Promise<Map<string, string[]>> {
  const query = `SELECT m.name, i.name || ' ' || i.type FROM sqlite_schema AS m,
    pragma_table_info(m.name) AS i WHERE m.type = '${type}' ORDER BY m.name, i.cid`;
  const tables = new Map<string, string[]>();
  for (const [table, column] of valueOf(await runSql(path, query)).rows) {
    tables.set(String(table), [...(tables.get(String(table)) ?? []), String(column)]);
  }
  return tables;
}

describe('SESSION-FORMAT.md', () => {
  it('documents exactly the tables and columns of a fresh file', async () => {
    const tables = await actualColumns(await freshFile(), 'table');
    const headings = [...document.matchAll(/\n### ([a-z_]+)\n/g)].map((match) => match[1]!);
    expect(headings.toSorted()).toEqual([...tables.keys()].toSorted());
    for (const [table, columns] of tables) {
      expect([table, ...documentedColumns(table)]).toEqual([table, ...columns]);
    }
  });

  it('gives every column a unit, a source and an empty value', () => {
    const headings = [...document.matchAll(/\n### ([a-z_]+)\n/g)].map((match) => match[1]!);
    const rows = headings.flatMap((table) => rowsBelow(table));
    const bare = rows.filter((cells) => cells.some((cell) => cell === ''));
    expect(bare).toEqual([]);
  });

  it('documents exactly the keys of meta', async () => {
    const rows = rowsBelow('meta').filter(([first]) => /^[a-z]+[_.a-z]*$/.test(first ?? ''));
    const keys = rows
      .map(([key]) => key)
      .filter((key) => !['key', 'value', 'column'].includes(key!));
    expect(keys).toEqual([...META_KEYS]);
    const stored = valueOf(await runSql(await freshFile(), 'SELECT key FROM meta')).rows.flat();
    expect(stored.toSorted()).toEqual([...META_KEYS].toSorted());
  });

  it('names the codes, losses, views and marks of the program', async () => {
    const codes = (names: readonly string[]) => names.map((name, code) => `${code} ${name}`);
    expect(document).toContain(codes(IMAGE_KINDS).join(', '));
    expect(document).toContain(codes(FRAME_KINDS).join(', '));
    expect(document).toContain(LOSS_REASONS.map((reason) => `\`${reason}\``).join(', '));
    expect(document).toContain(`\`0x${APPLICATION_ID.toString(16)}\``);
    expect(document).toContain(`# The session file, format version ${FORMAT_VERSION}\n`);
    for (const [view, columns] of await actualColumns(await freshFile(), 'view')) {
      const names = columns.map((column) => column.split(' ')[0]);
      expect(document.replace(/\s+/g, ' ')).toContain(`\`${view} (${names.join(', ')})\``);
    }
  });

  it('asks questions that can be answered', async () => {
    const path = await freshFile();
    const questions = codeBlocks('sql')
      .flatMap((block) => block.split(/;\s*\n/))
      .filter(Boolean);
    expect(questions.length).toBeGreaterThan(3);
    for (const question of questions) valueOf(await runSql(path, question));
  });

  it('reads samples in Python as the reader does', async ({ skip }) => {
    const path = join(temporaryFolder(), 'a.ember');
    const size = { samples: 3000, stacks: 400, functions: 50, threads: 3, seed: 4 };
    await writeSyntheticSession(path, size);
    const program = `${codeBlocks('python').join('')}
import json, sys
print(json.dumps([list(column) for column in zip(*samples(sys.argv[1]))]))`;
    const python = spawnSync('python3', ['-c', program, path], { encoding: 'utf8' });
    if (python.error !== undefined) return skip('there is no python3');
    expect(python.stderr).toBe('');
    const { tables } = valueOf(await (await openReader(path)).reader.delta(EMPTY_CURSOR));
    const { time, thread, stack, cpu, weight } = tables.samples;
    expect(JSON.parse(python.stdout)).toEqual(
      [time, thread, stack, cpu, weight].map((column) => Array.from(column)),
    );
  });
});
