import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import { bundleProgram } from '../support/bundle.ts';
import { randomFrom } from '../support/random.ts';
import {
  afterwards,
  asNobody,
  digestOf,
  giveToNobody,
  openReader,
  samplesOf,
  temporaryFolder,
  valueOf,
} from '../support/store.ts';

const KILLS = 12;
/** Samples per append of the program. */
const BATCH = 200;

/** Runs the program on `path`, kills it with SIGKILL `ms` after its first append. */
async function killedWriter(program: string, path: string, ms: number): Promise<number> {
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      resolve();
    });
    child.once('close', () => resolve());
  });
  await delay(ms);
  child.kill('SIGKILL');
  await ended;
  const lines = said.split('\n').slice(0, -1);
  return Number(lines.at(-1));
}

describe('SessionReader.open after kill -9', () => {
  it('finds every committed append', { timeout: 120_000 }, async () => {
    const folder = temporaryFolder();
    const program = await bundleProgram('test/support/append-forever.ts', folder);
    const random = randomFrom(Date.now());
    for (let round = 0; round < KILLS; round++) {
      const path = join(folder, `${round}.ember`);
      const committed = await killedWriter(program, path, random() * 150);
      expect(committed).toBeGreaterThan(0);
      const { reader, recovered } = await openReader(path);
      const info = valueOf(await reader.info());
      const { tables } = valueOf(await reader.delta(EMPTY_CURSOR));
      // The one append under way may have been committed before its answer was written.
      expect([committed, committed + BATCH]).toContain(info.sampleCount);
      expect(tables.samples.length).toBe(info.sampleCount);
      expect({ recovered, state: info.state }).toEqual({ recovered: true, state: 'interrupted' });
      expect(existsSync(`${path}-wal`)).toBe(false);
      await reader.close();
      const again = await openReader(path);
      expect(again.recovered).toBe(false);
      expect(valueOf(await again.reader.info()).state).toBe('interrupted');
      await again.reader.close();
    }
  });

  it('finds every session whole that was killed while it was finished', {
    timeout: 120_000,
  }, async () => {
    const folder = temporaryFolder();
    const program = await bundleProgram('test/support/record-forever.ts', folder);
    const random = randomFrom(Date.now());
    for (let round = 0; round < KILLS; round++) {
      const prefix = join(folder, `${round}-`);
      const last = await killedWriter(program, prefix, random() * 100);
      for (let n = Math.max(0, last - 2); n <= last; n++) {
        const { reader } = await openReader(prefix + String(n));
        expect(await samplesOf(reader)).toBe(500);
        await reader.close();
      }
    }
  });

  it('recovers on a copy where nothing may be written', { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const program = await bundleProgram('test/support/append-forever.ts', folder);
    for (const withIndex of [true, false]) {
      const made = join(temporaryFolder(), 'made.ember');
      const committed = await killedWriter(program, made, 60);
      const shelf = temporaryFolder();
      const path = join(shelf, 'a.ember');
      for (const suffix of withIndex ? ['', '-wal', '-shm'] : ['', '-wal']) {
        copyFileSync(made + suffix, path + suffix);
        chmodSync(path + suffix, 0o444);
      }
      const before = [digestOf(path), digestOf(`${path}-wal`)];
      chmodSync(shelf, 0o555);
      const copies = temporaryFolder();
      chmodSync(copies, 0o777);
      vi.stubEnv('TMPDIR', copies);
      afterwards(() => void vi.unstubAllEnvs());
      const info = await asNobody(async () => {
        const { reader, recovered } = valueOf(await SessionReader.open(path));
        const facts = valueOf(await reader.info());
        await reader.close();
        return { ...facts, recovered };
      });
      vi.unstubAllEnvs();
      expect(readdirSync(copies)).toEqual([]);
      expect(info.recovered && info.state).toBe('interrupted');
      expect([committed, committed + BATCH]).toContain(info.sampleCount);
      expect([digestOf(path), digestOf(`${path}-wal`)]).toEqual(before);
    }
  });

  it('sees a live recording of another process as such', { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    giveToNobody(folder);
    const program = await bundleProgram('test/support/append-forever.ts', folder);
    const path = join(folder, 'live.ember');
    const killed = killedWriter(program, path, 1500);
    while (!existsSync(`${path}-wal`)) await delay(10);
    const { reader, recovered } = await openReader(path);
    const first = await samplesOf(reader);
    await delay(200);
    const second = await samplesOf(reader);
    const info = valueOf(await reader.info());
    expect({ recovered, state: info.state, grows: second > first }).toEqual({
      ...{ recovered: false, state: 'recording', grows: true },
    });
    const unprivileged = await asNobody(() => SessionReader.open(path));
    expect(valueOf(await valueOf(unprivileged).reader.info()).state).toBe('recording');
    const committed = await killed;
    expect(
      valueOf(await (await openReader(path)).reader.info()).sampleCount,
    ).toBeGreaterThanOrEqual(committed);
  });
});
