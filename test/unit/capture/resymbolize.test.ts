import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, release, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ResymbolizeOutcome, resymbolize } from '../../../main/capture/resymbolize.ts';
import { invariant } from '../../../main/shared/invariant.ts';
import { decodeImageProblem } from '../../../main/shared/model/image-problem.ts';
import { IMAGE_KINDS } from '../../../main/shared/model/session-tables.ts';
import { Connection } from '../../../main/store/connection.ts';
import type { SessionMeta } from '../../../main/store/meta.ts';
import { emptyBatch } from '../../../main/store/session-batch.ts';
import { SessionSymbols } from '../../../main/store/session-symbols.ts';
import { SessionWriter } from '../../../main/store/session-writer.ts';
import { DebuginfodClient } from '../../../main/symbolize/debuginfod.ts';
import { bundledWorker } from '../../support/debuginfod-worker.ts';
import { compileProgram, type NativeProgram } from '../../support/native-program.ts';
import { imageOf, writeUnnamed } from '../../support/press-session.ts';
import { afterwards, errorOf, temporaryFolder, valueOf } from '../../support/store.ts';
import { syntheticMeta } from '../../support/synthetic-session.ts';

const name = async (
  path: string,
  part: Partial<Parameters<typeof resymbolize>[1]> = {},
): ReturnType<typeof resymbolize> =>
  resymbolize(path, {
    ...{ force: false, debuginfod: null, signal: new AbortController().signal },
    onProgress: () => undefined,
    ...part,
  });

async function ask(path: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const connection = await Connection.open(path, 'read');
  try {
    return await connection.all(sql);
  } finally {
    await connection.close();
  }
}

const namesIn = async (path: string): Promise<unknown[]> =>
  (await ask(path, 'SELECT name FROM frame_name ORDER BY frame')).map((row) => row['name']);

/** Everything that naming must not touch, as one digest. */
async function untouched(path: string): Promise<string> {
  const hash = createHash('sha256');
  const tables = ['sample_chunk', 'stack_total', 'stack', 'frame', 'thread', 'process', 'loss'];
  for (const table of tables) {
    for (const row of await ask(path, `SELECT * FROM ${table}`)) {
      for (const value of Object.values(row)) {
        hash.update(value instanceof Uint8Array ? value : String(value));
        hash.update('|');
      }
    }
  }
  return hash.digest('hex');
}

describe('resymbolize', () => {
  let program: NativeProgram;

  /** A session of the program and of an image that is nowhere, in a folder of its own. */
  async function sessionOfProgram(): Promise<{ folder: string; path: string }> {
    const folder = temporaryFolder();
    program = compileProgram(folder);
    const path = join(folder, 'press.ember');
    await writeUnnamed({
      path,
      images: [imageOf({ path: program.stripped, buildId: program.buildId }), imageOf({})],
      frames: [
        [0, program.offsetIn('main')],
        [1, 0x1234],
        [0, program.offsetIn('press_sheet')],
        [0, program.offsetIn('fold_sheet')],
      ],
    });
    return { folder, path };
  }

  it('names frames from a debug file that came later, and leaves samples byte for byte', async () => {
    const { path } = await sessionOfProgram();
    const before = await untouched(path);
    const first = valueOf(await name(path));
    expect([first.frames, first.asked, first.named, first.unnamed]).toEqual([4, 4, 0, 4]);
    const starts = await ask(path, 'SELECT name, raw_name, start_offset FROM function');
    expect(starts.length).toBe(3);
    for (const { name: shown, raw_name: raw, start_offset: start } of starts) {
      expect([shown, raw]).toEqual([`press+0x${Number(start).toString(16)}`, '']);
    }
    copyFileSync(program.full, program.stripped);
    const second = valueOf(await name(path));
    expect([second.asked, second.named, second.unnamed]).toEqual([4, 3, 1]);
    const names = await namesIn(path);
    expect(names.filter((text) => text !== '/nowhere+0x1234')).toEqual([
      ...['main', 'press_sheet', 'fold_sheet'],
    ]);
    expect(await untouched(path)).toBe(before);
  });

  it('says what is missing and why, the hottest first, and keeps it in the file', async () => {
    const { path } = await sessionOfProgram();
    const { images } = valueOf(await name(path));
    expect(images.map(({ path: image, problem }) => [image, problem?.kind])).toEqual([
      [program.stripped, 'no-symbols'],
      ['/nowhere', 'unproven'],
    ]);
    const stored = await ask(path, 'SELECT image, problem FROM image_problem ORDER BY image');
    expect(stored.map((row) => decodeImageProblem(String(row['problem']))?.kind)).toContain(
      'no-symbols',
    );
    copyFileSync(program.full, program.stripped);
    valueOf(await name(path));
    const solved = await ask(path, 'SELECT problem FROM image_problem WHERE image = 0');
    expect(solved).toEqual([{ problem: '' }]);
  });

  it('adds nothing the second time, and with force only what differs', async () => {
    const { path } = await sessionOfProgram();
    copyFileSync(program.full, program.stripped);
    valueOf(await name(path));
    const rows = await ask(path, 'SELECT count(*) AS n FROM symbol');
    const again = valueOf(await name(path));
    const forced = valueOf(await name(path, { force: true }));
    expect([again.asked, again.named, forced.asked, forced.named]).toEqual([1, 0, 4, 0]);
    expect(await ask(path, 'SELECT count(*) AS n FROM symbol')).toEqual(rows);
    expect(await ask(path, 'SELECT count(*) AS n FROM function')).toEqual([{ n: 3 }]);
  });

  it('does not believe another build at the same path', async () => {
    const { folder, path } = await sessionOfProgram();
    copyFileSync(compileProgram(folder, 'other').full, program.stripped);
    const { images, named } = valueOf(await name(path));
    expect(named).toBe(0);
    expect(images[0]?.problem).toMatchObject({ kind: 'replaced', expected: program.buildId });
  });

  it('believes a file without build id on the same machine, if it is older than the session', async () => {
    const folder = temporaryFolder();
    program = compileProgram(folder);
    const { ino } = statSync(program.full);
    const images = [imageOf({ path: program.full, fileIdentity: `fe:0:${ino}` })];
    const frames = [[0, program.offsetIn('main')]] as const;
    const { host } = syntheticMeta();
    const outcome = async (meta: Partial<SessionMeta>): Promise<ResymbolizeOutcome> => {
      const path = join(folder, `${Object.values(meta).length}-${meta.startedAt ?? ''}.ember`);
      await writeUnnamed({ path, images, frames, meta });
      return valueOf(await name(path));
    };
    const here = { ...host, hostname: hostname() };
    const later = new Date(Date.now() + 60_000).toISOString();
    expect((await outcome({ host: here, startedAt: later })).named).toBe(1);
    // The synthetic session is older than the file; the other one is of another machine.
    expect((await outcome({ host: here })).images[0]?.problem?.kind).toBe('unproven');
    expect((await outcome({ startedAt: later })).images[0]?.problem?.kind).toBe('unproven');
  });

  it('does not name kernel code of another boot, and names that of this one', async () => {
    const folder = temporaryFolder();
    const kernel = imageOf({ kind: IMAGE_KINDS.indexOf('kernel'), path: '[kernel]' });
    const vdso = imageOf({ kind: IMAGE_KINDS.indexOf('vdso'), path: '[vdso]' });
    const path = join(folder, 'other.ember');
    const frames = [
      [0, 0x100],
      [1, 0x800],
    ] as const;
    await writeUnnamed({ path, images: [kernel, vdso], frames });
    const other = valueOf(await name(path));
    expect(other.images.map(({ problem }) => problem?.kind)).toEqual([
      ...['other-kernel', 'other-kernel'],
    ]);
    const here = join(folder, 'here.ember');
    const host = { ...syntheticMeta().host, hostname: hostname(), kernel: release() };
    const startedAt = new Date().toISOString();
    await writeUnnamed({ path: here, images: [kernel, vdso], frames, meta: { host, startedAt } });
    const own = valueOf(await name(here));
    const vdsoKind = own.images.find(({ kind }) => kind === 'vdso')?.problem?.kind;
    expect(vdsoKind).not.toBe('other-kernel');
  });

  describe('of generated code', () => {
    /** Above the largest pid the kernel gives (2^22): a process that has ended. */
    const GONE = 99_000_078;
    const frames = [[0, 0x1008]] as const;
    const maps: string[] = [];
    afterEach(() => {
      for (const map of maps.splice(0)) rmSync(map, { force: true });
    });

    /** Names a session of five seconds that ended `agoMs` ago, of a process with a perf map. */
    async function outcomeFor(pid: number, startMs: number, agoMs: number): Promise<unknown[]> {
      const map = `/tmp/perf-${pid}.map`;
      maps.push(map);
      writeFileSync(map, '1000 100 JS:*hot /srv/a.js:3:1\n');
      const startedMs = Date.now() - 5000 - agoMs;
      const host = { ...syntheticMeta().host, hostname: hostname(), kernel: release() };
      const path = join(temporaryFolder(), 'jit.ember');
      const kind = IMAGE_KINDS.indexOf('jit');
      await writeUnnamed({
        ...{ path, frames, images: [imageOf({ kind, path: '[jit]', fileIdentity: `pid:${pid}` })] },
        process: { pid, startNs: (startMs - startedMs) * 1e6 },
        meta: { host, startedAt: new Date(startedMs).toISOString() },
      });
      const { named, images } = valueOf(await name(path));
      return [named, images[0]?.problem?.kind];
    }
    const ownStartMs = Date.now() - process.uptime() * 1000;

    it('believes the map of the process that was recorded, if it still runs', async () => {
      // An hour ago, but since the machine was started: before that no process of today ran.
      const agoMs = Math.min(3_600_000, uptime() * 500);
      expect(await outcomeFor(process.pid, ownStartMs, agoMs)).toEqual([1, undefined]);
    });

    it('does not believe the map of another process with that pid', async () => {
      const earlier = ownStartMs - 60_000;
      expect(await outcomeFor(process.pid, earlier, 0)).toEqual([0, 'no-perf-map']);
    });

    it('believes the map of a process that has ended, if nobody wrote to it since', async () => {
      const startMs = Date.now() - 4000;
      expect(await outcomeFor(GONE, startMs, 0)).toEqual([1, undefined]);
      expect(await outcomeFor(GONE, startMs, 60_000)).toEqual([0, 'no-perf-map']);
      // Older than the process: an earlier one's.
      expect(await outcomeFor(GONE, Date.now() + 60_000, 0)).toEqual([0, 'no-perf-map']);
    });
  });

  it('ends early when told to, and leaves a file that opens', async () => {
    const { path } = await sessionOfProgram();
    copyFileSync(program.full, program.stripped);
    const stop = new AbortController();
    stop.abort();
    const outcome = valueOf(await name(path, { signal: stop.signal }));
    expect([outcome.cancelled, outcome.named]).toEqual([true, 0]);
    expect(valueOf(await name(path)).named).toBe(3);
  });

  it('names a session that its recorder left behind', async () => {
    const folder = temporaryFolder();
    program = compileProgram(folder);
    const path = join(folder, 'left.ember');
    const images = [imageOf({ path: program.full, buildId: program.buildId })];
    await writeUnnamed({ path, images, frames: [[0, program.offsetIn('main')]], finish: false });
    expect(valueOf(await name(path)).named).toBe(1);
    expect(await ask(path, `SELECT value FROM meta WHERE key = 'state'`)).toEqual([
      { value: 'interrupted' },
    ]);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it('refuses a session that is being recorded, one that may not be written, and what is none', async () => {
    const folder = temporaryFolder();
    const live = join(folder, 'live.ember');
    const writer = valueOf(await SessionWriter.create(live, syntheticMeta()));
    afterwards(() => writer[Symbol.asyncDispose]());
    expect(errorOf(await name(live))).toMatchObject({
      ...{ kind: 'output-unwritable', path: live },
      reason: expect.stringContaining('being recorded') as string,
    });
    const text = join(folder, 'text.ember');
    writeFileSync(text, 'hello');
    expect(errorOf(await name(text)).kind).toBe('not-a-session');
    expect(errorOf(await name(join(folder, 'none.ember'))).kind).toBe('file-not-found');
    if (process.getuid?.() === 0) return;
    const { path } = await sessionOfProgram();
    chmodSync(path, 0o400);
    expect(errorOf(await name(path)).kind).toBe('output-unwritable');
  });

  it('fetches what is missing, debug file and program, and only when asked to', async () => {
    const { folder, path } = await sessionOfProgram();
    const asked: string[] = [];
    const server = createServer(({ url = '' }, response) => {
      asked.push(url);
      const [, , buildId, kind] = url.split('/');
      if (buildId !== program.buildId) response.writeHead(404).end();
      else {
        const file = kind === 'debuginfo' ? program.debug : program.full;
        response.end(readFileSync(file));
      }
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    afterwards(() => void server.close());
    process.env['DEBUGINFOD_URLS'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    process.env['DEBUGINFOD_CACHE_PATH'] = join(folder, 'cache');
    try {
      valueOf(await name(path));
      expect(asked).toEqual([]);
      using debuginfod = new DebuginfodClient({ worker: await bundledWorker() });
      const stripped = valueOf(await name(path, { debuginfod }));
      if (stripped.fetched?.unavailable?.includes('libdebuginfod') === true) {
        process.stdout.write('skipped: debuginfod needs libdebuginfod1\n');
        return;
      }
      expect([stripped.named, stripped.unnamed]).toEqual([3, 1]);
      expect(asked).toEqual([`/buildid/${program.buildId}/debuginfo`]);
      expect(stripped.fetched).toMatchObject({ asked: 1, found: 1, missing: 0, unavailable: null });
      invariant(stripped.fetched !== null, 'fetched');
      expect(stripped.fetched.bytes).toBeGreaterThan(1000);

      // The program is gone as well: its debug file alone does not say where its code stood.
      const gone = await sessionOfProgram();
      rmSync(program.stripped);
      rmSync(join(folder, 'cache'), { recursive: true });
      const both = valueOf(await name(gone.path, { debuginfod }));
      expect([both.named, both.unnamed]).toEqual([3, 1]);
      expect(asked.at(-1)).toBe(`/buildid/${program.buildId}/executable`);
    } finally {
      delete process.env['DEBUGINFOD_URLS'];
      delete process.env['DEBUGINFOD_CACHE_PATH'];
    }
  });

  it('does not mix its rows with those of another that names the same file', async () => {
    const { path } = await sessionOfProgram();
    const first = valueOf(await SessionSymbols.open(path));
    afterwards(() => first[Symbol.asyncDispose]());
    const code = valueOf(await first.read());
    expect(code.frames.length).toBe(4);
    copyFileSync(program.full, program.stripped);
    expect(valueOf(await name(path)).named).toBe(3);
    const rows = { frame: [1], depth: [0], function: [0], file: [-1], line: [0] };
    const late = await first.append({ ...emptyBatch(), symbols: rows });
    expect(errorOf(late)).toMatchObject({ kind: 'output-unwritable' });
    expect(valueOf(await name(path)).asked).toBe(1);
  });

  it('tells how far it is', async () => {
    const { path } = await sessionOfProgram();
    const seen: number[] = [];
    const onProgress = ({ remaining, total }: { remaining: number; total: number }): void => {
      expect(total).toBe(4);
      seen.push(remaining);
    };
    valueOf(await name(path, { onProgress }));
    expect(seen.at(-1)).toBe(0);
  });
});
