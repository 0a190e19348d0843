import { copyFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { buildCli, runCli, startCli } from '../support/cli.ts';
import { compileProgram } from '../support/native-program.ts';
import { imageOf, writeUnnamed } from '../support/press-session.ts';
import { afterwards, temporaryFolder, valueOf } from '../support/store.ts';
import { syntheticMeta } from '../support/synthetic-session.ts';

beforeAll(buildCli);

/** A session of a program with symbols and of one that is stripped. */
async function sessionOfTwo(): Promise<{ path: string; folder: string; strippedId: string }> {
  const folder = temporaryFolder();
  const [named, stripped] = [compileProgram(folder), compileProgram(folder, 'other')];
  const path = join(folder, 'press.ember');
  const images = [
    imageOf({ path: named.full, buildId: named.buildId }),
    imageOf({ path: stripped.stripped, buildId: stripped.buildId }),
  ];
  const frames = [
    [0, named.offsetIn('main')],
    [1, stripped.offsetIn('fold_sheet')],
  ] as const;
  await writeUnnamed({ path, images, frames });
  return { path, folder, strippedId: stripped.buildId };
}

describe('emberscope symbolize', () => {
  it('prints how many frames got names and what is still missing', async () => {
    const { path } = await sessionOfTwo();
    const { status, stdout, stderr } = await runCli(['symbolize', path]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('1 frame of 2 looked up got a name; 1 of 2 in the session have none');
    expect(stdout).toContain('stripped');
    const json = JSON.parse((await runCli(['symbolize', path, '--json'])).stdout) as object;
    expect(json).toMatchObject({ path, asked: 1, named: 0, unnamed: 1, fetched: null });
    const report = await runCli(['sql', path, 'SELECT name FROM frame_name', '--csv']);
    expect(report.stdout).toContain('main');
  });

  it('asks no server unless told to, and refuses to without one', async () => {
    const { path } = await sessionOfTwo();
    const env = { DEBUGINFOD_URLS: '' };
    const { status, stderr } = await runCli(['symbolize', path, '--debuginfod'], { env });
    expect(status).toBe(2);
    expect(stderr).toContain('DEBUGINFOD_URLS');
  });

  it('ends at Ctrl-C while a server keeps it waiting, with the names it had', async () => {
    const { path, folder } = await sessionOfTwo();
    let reached: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => (reached = resolve));
    const server = createServer(() => reached());
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    afterwards(() => {
      server.closeAllConnections();
      server.close();
    });
    const env = {
      DEBUGINFOD_URLS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      DEBUGINFOD_CACHE_PATH: join(folder, 'cache'),
    };
    const running = startCli(['symbolize', path, '--debuginfod'], { env });
    await isAsked;
    running.child.kill('SIGINT');
    const { status, stdout } = await running.done;
    expect(status).toBe(130);
    expect(stdout).toContain('ended early');
    const names = await runCli(['sql', path, 'SELECT name FROM frame_name', '--csv']);
    expect([names.status, names.stdout.includes('main')]).toEqual([0, true]);
  });

  it('refuses a session that is being recorded, and a file that is none', async () => {
    const path = join(temporaryFolder(), 'live.ember');
    const writer = valueOf(await SessionWriter.create(path, syntheticMeta()));
    afterwards(() => writer[Symbol.asyncDispose]());
    const live = await runCli(['symbolize', path]);
    expect([live.status, live.stderr.includes('being recorded')]).toEqual([5, true]);
    const other = join(temporaryFolder(), 'other.ember');
    copyFileSync(process.execPath, other);
    expect((await runCli(['symbolize', other])).status).toBe(5);
  });
});
