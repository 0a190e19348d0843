import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { processState } from '../../main/capture/target-launch.ts';
import { encodeJsonFrame } from '../../main/capture/wire/framing.ts';
import { buildHelper, HelperClient, note, startRequest } from '../support/bpf-helper.ts';
import { bundleNode } from '../support/capture.ts';

const NOBODY = 65_534;
const AMBIENT = '+bpf,+perfmon,+syslog,+sys_ptrace,+dac_read_search';
const asUser = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
const asUserWithCapabilities = [
  ...asUser,
  `--inh-caps=-all,${AMBIENT}`,
  `--ambient-caps=-all,${AMBIENT}`,
];
const run = promisify(execFile);

let entry = '';
let attacker = '';
let confined = '';
let folder = '';
const children: ChildProcess[] = [];

beforeAll(async () => {
  entry = await buildHelper();
  attacker = await bundleNode('test/support/attacker.ts', 'attacker');
  confined = await bundleNode('test/support/confined.ts', 'confined');
  folder = mkdtempSync(join(tmpdir(), 'ember-attacks-'));
  chmodSync(folder, 0o777);
  return () => rmSync(folder, { recursive: true });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function helperWith(options: ConstructorParameters<typeof HelperClient>[1] = {}): HelperClient {
  const helper = new HelperClient(entry, options);
  children.push(helper.child);
  return helper;
}
const pidOf = (child: ChildProcess): number => {
  if (child.pid === undefined) throw new Error('it did not start');
  return child.pid;
};
async function isGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const state = processState(pid);
    if (state === null || state === 'Z') return true;
    await sleep(50);
  }
  return false;
}

describe('the capture stage, system calls', () => {
  it('runs under the filter in every thread', async () => {
    const helper = helperWith();
    await helper.start(startRequest());
    const pid = pidOf(helper.child);
    const modes = readdirSync(`/proc/${pid}/task`).map((tid) => {
      const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8');
      return /^Seccomp:\s*(\d)$/m.exec(status)?.[1];
    });
    await helper.stop();
    expect(modes.length).toBeGreaterThan(2);
    expect(new Set(modes)).toEqual(new Set(['2']));
  });

  it('may read; it may not write, create, rename, remove, start, signal or connect', async () => {
    const file = join(folder, 'own');
    const { stdout } = await run(process.execPath, [confined, file]);
    expect(JSON.parse(stdout)).toEqual({
      ...{ read: 'done', touch: 'done' },
      ...{ write: 'EPERM', truncate: 'EPERM', create: 'EPERM', rename: 'EPERM', remove: 'EPERM' },
      ...{
        'start a process': 'EPERM',
        fork: 'EPERM',
        'signal the parent': 'EPERM',
        connect: 'EPERM',
      },
      ...{ 'write in a thread': 'EPERM', threads: '2' },
    });
    expect(readFileSync(file, 'utf8')).toBe('before');
  });

  it('is ended by an exec', async () => {
    await expect(
      run(process.execPath, [confined, join(folder, 'exec'), 'exec']),
    ).rejects.toMatchObject({
      signal: 'SIGSYS',
    });
  });

  it('has what it refuses in the kernel’s log, and nothing there in ordinary recordings', async () => {
    const refusals = (pid: number): number =>
      execFileSync('dmesg', { encoding: 'utf8', maxBuffer: 64 << 20 })
        .split('\n')
        .filter((line) => line.includes('type=1326') && line.includes(` pid=${pid} `)).length;
    const helper = helperWith();
    await helper.start(startRequest());
    await sleep(500);
    await helper.stop();
    // The kernel writes them a moment later, and so many lines in 5 s for all who write: try again.
    let logged = 0;
    for (let attempt = 0; attempt < 10 && logged === 0; attempt++) {
      const child = spawn(process.execPath, [confined, join(folder, 'logged')], {
        stdio: 'ignore',
      });
      await new Promise((done) => child.once('close', done));
      await sleep(5000);
      logged = refusals(pidOf(child));
    }
    expect(logged).toBeGreaterThan(0);
    expect(refusals(pidOf(helper.child))).toBe(0);
  });
});

describe('another process of the same user', () => {
  const attack = async (pid: number): Promise<Record<string, string>> => {
    const args = [...asUser.slice(1), process.execPath, attacker, String(pid)];
    const { stdout } = await run(asUser[0]!, args);
    return JSON.parse(stdout) as Record<string, string>;
  };
  const REFUSED = /^(EPERM|EACCES)$/;

  it('can trace such a helper and read its memory if it is an ordinary process', async () => {
    // So that the attempts below are known to work where nothing is done against them.
    const child = spawn(asUser[0]!, [...asUser.slice(1), 'sleep', '100'], { stdio: 'ignore' });
    children.push(child);
    await sleep(300);
    const results = await attack(pidOf(child));
    expect(results).toMatchObject({
      'ptrace attach': 'done',
      '/proc/PID/environ': 'done',
      '/proc/PID/fd': 'done',
    });
  });

  it.each(['greeting', 'recording'] as const)(
    'gets nothing from the helper while %s',
    async (stage) => {
      const own = spawn(asUser[0]!, [...asUser.slice(1), 'sleep', '100'], { stdio: 'ignore' });
      children.push(own);
      await sleep(200);
      const helper = helperWith({ under: asUserWithCapabilities });
      await helper.json('hello');
      if (stage === 'recording') {
        await helper.start(
          startRequest({ unwind: 'fp', target: { kind: 'process', pid: pidOf(own) } }),
        );
      }
      const results = await attack(pidOf(helper.child));
      const got = Object.entries(results).filter(([, said]) => !REFUSED.test(said));
      note(`${Object.keys(results).length} attempts while ${stage}: ${got.length} got anything`);
      expect(Object.keys(results).length).toBeGreaterThan(15);
      expect(got).toEqual([]);
      if (stage === 'recording') expect((await helper.stop()).reason).toBe('stopped');
    },
  );
});

describe('the environment of an elevated helper', () => {
  /** As pkexec starts it; a parent that holds less than it would do too. */
  const ELEVATED = { PKEXEC_UID: '0' };

  it.each([
    ['NODE_OPTIONS', '--no-warnings'],
    ['NODE_EXTRA_CA_CERTS', '/etc/passwd'],
    ['LD_PRELOAD', ''],
    ['LD_LIBRARY_PATH', '/tmp'],
    ['ELECTRON_ENABLE_LOGGING', '1'],
  ])('may not hold %s: it refuses to start and says so', async (name, value) => {
    const helper = helperWith({ env: { ...ELEVATED, [name]: value } });
    expect(await helper.exit()).toEqual({ code: 2, signal: null });
    expect(helper.stderr).toContain(`refused, as the environment sets ${name}`);
    expect(helper.frames).toEqual([]);
  });

  it('cannot name other BPF objects', async () => {
    const env = {
      ...ELEVATED,
      EMBERSCOPE_TEST: '1',
      EMBERSCOPE_TEST_BPF_DIR: join(folder, 'none'),
    };
    const helper = helperWith({ env });
    await helper.start(startRequest());
    expect((await helper.stop()).reason).toBe('stopped');
  });

  it('cannot name a handover: only an open stage makes one', async () => {
    const path = join(folder, 'forged');
    writeFileSync(path, JSON.stringify({ keep: '0' }));
    const child = spawn(
      'sh',
      [
        '-c',
        `exec 9<${path}; cat | exec env -i EMBERSCOPE_HELPER_HANDOVER=9 ${process.execPath} ${entry} --stdio | cat`,
      ],
      { stdio: ['pipe', 'ignore', 'pipe'] },
    );
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.end();
    await new Promise((done) => child.once('close', done));
    expect(stderr).toContain('a handover without an open stage');
  });

  it('is empty in the capture stage but for what starts it', async () => {
    const helper = helperWith({ env: { SECRET: 'x', HOME: '/root', EMBERSCOPE_TEST: '1' } });
    await helper.start(startRequest());
    const names = readFileSync(`/proc/${pidOf(helper.child)}/environ`, 'latin1')
      .split('\0')
      .map((line) => line.split('=')[0])
      .filter((name) => name !== '' && !name?.startsWith('MALLOC_'));
    await helper.stop();
    expect(names).toEqual(['EMBERSCOPE_HELPER_HANDOVER']);
  });
});

describe('inherited descriptors', () => {
  it('do not reach the capture stage', async () => {
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'x');
    const helper = helperWith({
      under: ['sh', '-c', `exec 7<${secret} 8<${secret}; exec "$@"`, 'sh'],
    });
    await helper.start(startRequest());
    const pid = pidOf(helper.child);
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    await helper.stop();
    expect(open.length).toBeGreaterThan(10);
    expect(open).not.toContain(secret);
  });
});

describe('the end of the parent', () => {
  it.each(['greeting', 'recording'] as const)(
    'ends a helper that is %s, though its pipes stay open and nobody reads',
    async (stage) => {
      const [input, output] = [join(folder, `in-${stage}`), join(folder, `out-${stage}`)];
      execFileSync('mkfifo', [input, output]);
      // Holds both pipes open at both ends, and reads nothing.
      const holder = spawn('sh', ['-c', `exec 8<>${input} 9<>${output}; sleep 100`], {
        stdio: 'ignore',
      });
      children.push(holder);
      await sleep(200);
      const script = `${process.execPath} ${entry} --stdio <${input} >${output} & echo $!; wait`;
      const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(parent);
      const pid = await new Promise<number>((found) =>
        parent.stdout.once('data', (chunk: Buffer) => found(Number(chunk.toString()))),
      );
      await sleep(1000);
      if (stage === 'recording') {
        writeFileSync(
          input,
          encodeJsonFrame('start', startRequest({ includeIdle: true, rateHz: 4999 })),
        );
        await sleep(3000);
        expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Seccomp:\s*2$/m);
      }
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      parent.kill('SIGKILL');
      expect(await isGone(pid)).toBe(true);
    },
  );
});
