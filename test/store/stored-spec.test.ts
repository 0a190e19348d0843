import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import { Connection } from '../../main/store/connection.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import {
  errorOf,
  openReader,
  temporaryFolder,
  valueOf,
  writeSmallSession,
} from '../support/store.ts';
import { syntheticMeta } from '../support/synthetic-session.ts';

const { spec } = syntheticMeta();

/** A session in which a stranger changed a value. */
async function changedBy(sql: string, ...params: readonly string[]): Promise<string> {
  const path = join(temporaryFolder(), 'a.ember');
  await writeSmallSession(path);
  const connection = await Connection.open(path, 'write');
  await connection.run(sql, params);
  await connection.close();
  return path;
}

const withMeta = (key: string, value: string): Promise<string> =>
  changedBy('UPDATE meta SET value = ?2 WHERE key = ?1', key, value);

describe('SessionReader.open', () => {
  it.each([
    ['a spec that is no JSON', '{'],
    ['a spec that is no object', '[]'],
    ['no sources', { ...spec, sources: undefined }],
    ['a source that is none', { ...spec, sources: [null] }],
    ['a source without a kind', { ...spec, sources: [{}] }],
    ['an unknown target', { ...spec, target: { kind: 'nope' } }],
    ['a target called like a method', { ...spec, target: { kind: 'toString' } }],
    ['a command that is a number', { ...spec, target: { kind: 'command', argv: 5, cwd: '/' } }],
    ['an argument that is a number', { ...spec, target: { kind: 'command', argv: [5], cwd: '/' } }],
    ['a process that is a text', { ...spec, target: { kind: 'process', pid: '\x1b[2J' } }],
    ['a rate that is a text', { ...spec, rate: '\u202e' }],
    ['a rate of nothing', { ...spec, rate: 0 }],
    ['an unknown mode', { ...spec, mode: '\x9b2J' }],
    ['an unknown way to unwind', { ...spec, unwind: '\x1b' }],
    ['a limit that is an object', { ...spec, costLimit: { a: 1 } }],
  ])('refuses %s', async (_, value) => {
    const path = await withMeta('spec', typeof value === 'string' ? value : JSON.stringify(value));
    const error = errorOf(await SessionReader.open(path));
    expect(error).toMatchObject({
      kind: 'session-damaged',
      reason: expect.stringContaining('spec') as string,
    });
  });

  it.each([
    ['started_at', '2026\x9b2J\u202e-01-01T00:00:00Z'],
    ['started_at', 'yesterday'],
    ['start_monotonic_ns', '-1'],
    ['end_ns', '-5'],
    ['host.cpus', '1.5'],
  ])('refuses a %s of %j', async (key, value) => {
    const error = errorOf(await SessionReader.open(await withMeta(key, value)));
    expect(error).toMatchObject({
      kind: 'session-damaged',
      reason: expect.stringContaining(key) as string,
    });
  });

  it.each([
    ['process', { kind: 'process', pid: 42 }],
    ['cgroup', { kind: 'cgroup', path: '/user.slice' }],
    ['command', { kind: 'command', argv: ['a', ''], cwd: '/' }],
  ])('reads the target %s, and settings it does not know', async (_, target) => {
    const stored = { ...spec, target, sources: [{ kind: 'trace', of: 1 }], later: true };
    const { reader } = await openReader(await withMeta('spec', JSON.stringify(stored)));
    expect(valueOf(await reader.info()).spec).toEqual(stored);
  });
});

describe('SessionReader.delta', () => {
  it.each(['{', 'null', '{}', '[null]', '["a"]', '[{"name":5}]'])(
    'refuses fields of a source that are no list of fields: %s',
    async (fields) => {
      const { reader } = await openReader(await changedBy('UPDATE source SET fields = ?', fields));
      expect(errorOf(await reader.delta(EMPTY_CURSOR)).kind).toBe('session-damaged');
    },
  );
});
