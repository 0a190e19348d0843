import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportSession } from '../../../main/export/index.ts';
import { writeFileAtomically, writeToStream } from '../../../main/export/output.ts';
import { EMPTY_CURSOR } from '../../../main/shared/model/session-tables.ts';
import { ok } from '../../../main/shared/result.ts';
import { infoOf } from '../../support/session-of.ts';
import { tablesOf } from '../../support/tables-of.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'emberscope-export-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function* failing(): Iterable<string> {
  yield 'x'.repeat(100_000);
  throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
}

describe('writeFileAtomically', () => {
  it('replaces a file and leaves nothing beside it', async () => {
    const path = join(folder, 'out.txt');
    writeFileSync(path, 'old');
    expect(await writeFileAtomically(path, ['né', 'w\n'])).toEqual(ok({ path, bytes: 5 }));
    expect(readFileSync(path, 'utf8')).toBe('néw\n');
    expect(readdirSync(folder)).toEqual(['out.txt']);
  });

  it('keeps the old file when writing fails half-way', async () => {
    const path = join(folder, 'out.txt');
    writeFileSync(path, 'old');
    expect(await writeFileAtomically(path, failing())).toEqual({
      ok: false,
      error: { kind: 'disk-full', path },
    });
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['out.txt']);
  });

  it('says why a place cannot be written to', async () => {
    const path = join(folder, 'none', 'out.txt');
    expect(await writeFileAtomically(path, ['x'])).toEqual({
      ok: false,
      error: { kind: 'output-unwritable', path, reason: 'its folder does not exist' },
    });
    expect(await writeFileAtomically(folder, ['x'])).toEqual({
      ok: false,
      error: { kind: 'output-unwritable', path: folder, reason: 'it is a folder' },
    });
  });

  it('writes into a device instead of replacing it', async () => {
    expect(await writeFileAtomically('/dev/null', ['x'])).toEqual(
      ok({ path: '/dev/null', bytes: 1 }),
    );
    expect(await writeFileAtomically('/dev/full', ['x'])).toEqual({
      ok: false,
      error: { kind: 'disk-full', path: '/dev/full' },
    });
  });
});

/** A reader that takes `limit` bytes and then closes the pipe. */
class Pipe extends Writable {
  taken = 0;
  readonly #limit: number;
  constructor(limit: number) {
    super({ highWaterMark: 10 });
    this.#limit = limit;
  }
  override _write(chunk: Buffer, _: string, done: (error?: Error) => void): void {
    this.taken += chunk.length;
    const closed = Object.assign(new Error('broken pipe'), { code: 'EPIPE' });
    setImmediate(() => (this.taken > this.#limit ? done(closed) : done()));
  }
}

describe('writeToStream', () => {
  it('waits for a slow reader', async () => {
    const pipe = new Pipe(Number.POSITIVE_INFINITY);
    const text = Array.from({ length: 5 }, () => 'x'.repeat(70_000));
    expect(await writeToStream(pipe, 'pipe', text)).toEqual(ok({ path: 'pipe', bytes: 350_000 }));
    expect(pipe.taken).toBe(350_000);
  });

  it('ends quietly when the reader has seen enough', async () => {
    const text = Array.from({ length: 50 }, () => 'x'.repeat(70_000));
    const written = await writeToStream(new Pipe(100_000), 'pipe', text);
    expect(written.ok && written.value.bytes).toBeLessThan(350_000);
  });
});

describe('exportSession', () => {
  const tables = tablesOf('main;read 3');
  const session = {
    info: () => Promise.resolve(ok(infoOf(tables))),
    delta: () =>
      Promise.resolve(
        ok({
          from: EMPTY_CURSOR,
          to: EMPTY_CURSOR,
          tables,
        }),
      ),
  };

  it.each(['folded', 'svg', 'html'])('writes %s with symbols', async (format) => {
    const path = join(folder, 'out');
    expect((await exportSession(session, format, path)).ok).toBe(true);
    expect(readFileSync(path, 'utf8')).toContain('read');
  });

  it('names the formats there are', async () => {
    expect(await exportSession(session, 'pdf', join(folder, 'out'))).toEqual({
      ok: false,
      error: { kind: 'format-unknown', format: 'pdf', known: ['folded', 'svg', 'html'] },
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
