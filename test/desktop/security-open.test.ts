import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import { cursorToText } from '../../main/shared/model/table-codec.ts';
import { CLI } from '../support/cli.ts';
import { launchDesktop, ownedFolder, temporaryFolder } from '../support/desktop.ts';
import { childrenOf, descendantsOf } from '../support/processes.ts';
import { writeSyntheticSession } from '../support/synthetic-session.ts';

/** Opening a recorded file needs nothing: no privilege, no libbpf, no kernel facts, no network, no pkexec. */
let folder: string;
let session: string;
beforeAll(async () => {
  folder = ownedFolder(temporaryFolder());
  chmodSync(folder, 0o777);
  session = join(folder, 'recorded.ember');
  await writeSyntheticSession(session, {
    ...{ samples: 2000, stacks: 50, functions: 40, threads: 2, seed: 1 },
  });
});

/**
 * Runs a program as nobody, without any capability, in a view of the machine from which everything is taken that
 * a recording would need: the network, /sys with its BTF and tracing files, libbpf, pkexec.
 */
function runInBareMachine(command: readonly string[]) {
  const libraries = execFileSync('ldconfig', ['-p'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /lib(?:bpf|debuginfod)/.test(line))
    .map((line) => line.slice(line.indexOf('=> ') + 3));
  const programs = spawnSync('which', ['-a', 'pkexec', 'sudo'], { encoding: 'utf8' }).stdout;
  const hidden = [...libraries, ...programs.split('\n')].filter((path) => path !== '');
  const script = [
    'mount -t tmpfs -o ro none /sys',
    ...hidden.map((path) => `mount --bind /dev/null '${path}'`),
    'exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"',
  ].join(' && ');
  const args = ['--mount', '--net', '--propagation', 'private', 'sh', '-c', script, 'sh'];
  return spawnSync('unshare', [...args, ...command], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], EMBERSCOPE_DATA: join(folder, 'nobody') },
    maxBuffer: 2 ** 26,
  });
}

const cli = (...args: readonly string[]) => runInBareMachine([process.execPath, CLI, ...args]);

describe('a machine without anything that recording needs', () => {
  it('is one: nothing of it can be reached, and recording fails there', () => {
    const script =
      'ls /sys/kernel/btf 2>&1; ip -br addr 2>&1; id -u; grep CapBnd /proc/self/status';
    const { stdout } = runInBareMachine(['sh', '-c', script]);
    expect(stdout).toMatch(/No such file|cannot access/);
    expect(stdout).not.toMatch(/\bUP\b/);
    expect(stdout).toContain('65534');
    expect(stdout).toMatch(/CapBnd:\s*0+\n/);
    expect(cli('record', '-a', '-d', '1', '-o', join(folder, 'x.ember')).status).not.toBe(0);
  });

  it.each([
    ['report'],
    ['report', '--quality'],
    ['report', '--json'],
    ['export', '-f', 'folded'],
    ['export', '-f', 'svg'],
    ['export', '-f', 'html'],
  ])('reads a session all the same: %s %s', (command, ...options) => {
    const { status, stdout, stderr } = cli(command, session, ...options);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout.length).toBeGreaterThan(500);
  });

  it('answers questions in SQL', () => {
    const { stdout } = cli('sql', session, 'SELECT count(*) AS n FROM sample', '--json');
    expect(JSON.parse(stdout)).toEqual([{ n: 2000 }]);
  });

  it('shows the session in a window: the engine opens it and gives its rows', () => {
    // The desktop app's own engine, driven as main/engine/README.md says.
    const script = `
      const { fork } = require('node:child_process');
      const engine = fork(${JSON.stringify(join(CLI, '../../engine/main.js'))}, [], { serialization: 'advanced' });
      const path = ${JSON.stringify(session)};
      engine.send({ type: 'request', request: { call: 1, channel: 'session.open', request: { path } } });
      engine.on('message', (message) => {
        if (message.type === 'message') {
          if (!message.message.result.ok) throw new Error(JSON.stringify(message.message.result.error));
          engine.send({ type: 'data', call: 2, sessionId: message.message.result.value.id, from: ${JSON.stringify(cursorToText(EMPTY_CURSOR))} });
        }
        if (message.type === 'data') {
          console.log(message.ok ? message.bytes.length : JSON.stringify(message.error));
          const maps = require('node:fs').readFileSync('/proc/' + engine.pid + '/maps', 'utf8');
          console.log(maps.includes('libbpf') || maps.includes('koffi') ? 'loaded' : 'not loaded');
          engine.send({ type: 'shutdown' });
        }
      });`;
    const { stdout, stderr } = runInBareMachine([process.execPath, '-e', script]);
    const [bytes, libraries] = stdout.trim().split('\n');
    expect(stderr).toBe('');
    expect(Number(bytes)).toBeGreaterThan(10_000);
    expect(libraries).toBe('not loaded');
  });
});

describe('the desktop app with a session open', () => {
  it('has loaded no libbpf, talks to no network and has started nothing', async () => {
    chmodSync(session, 0o644);
    await using desktop = await launchDesktop({ args: [session] });
    await desktop.page.getByRole('treeitem').first().waitFor({ state: 'attached' });
    const engine = desktop.enginePid() ?? 0;
    const maps = readFileSync(`/proc/${engine}/maps`, 'utf8');
    expect(maps).toMatch(/node_sqlite3\.node/);
    expect(maps).not.toMatch(/libbpf|debuginfod/);
    expect(childrenOf(engine)).toEqual([]);
    const internet = internetSockets(engine);
    // The test's own debugger listens in the main process and in no other.
    for (const pid of descendantsOf(desktop.mainPid)) {
      expect(socketsOf(pid).filter((inode) => internet.has(inode))).toEqual([]);
    }
  });
});

/** Inodes of all TCP and UDP sockets, proc_pid_net(5). */
function internetSockets(pid: number): ReadonlySet<string> {
  const tables = ['tcp', 'tcp6', 'udp', 'udp6'].map((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8'),
  );
  const rows = tables.flatMap((text) => text.trim().split('\n').slice(1));
  return new Set(rows.map((row) => row.trim().split(/\s+/)[9] ?? ''));
}

function socketsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      // Closed since it was listed.
      return [];
    }
  });
}
