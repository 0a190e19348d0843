import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeJson, encodeFrame, encodeJsonFrame } from '../../main/capture/wire/framing.ts';
import {
  buildHelper,
  HelperClient,
  leavesNothingLoaded,
  makeBpfObjects,
  type SpawnOptions,
  startRequest,
} from '../support/bpf-helper.ts';

let entry = '';
const folder = mkdtempSync(join(tmpdir(), 'ember-refusals-'));

beforeAll(async () => {
  entry = await buildHelper();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the helper answers to the frame sent after its greeting. */
interface Answer {
  readonly error: unknown;
  readonly code: number | null;
}

async function answerTo(frame: Uint8Array, options: SpawnOptions = {}): Promise<Answer> {
  const helper = new HelperClient(entry, options);
  await helper.json('hello');
  helper.child.stdin?.write(frame);
  const { code } = await helper.exit();
  const error = helper.frames.find(({ type }) => type === 'error');
  return { error: error === undefined ? null : decodeJson(error.payload), code };
}

const start = (changes: Parameters<typeof startRequest>[0] = {}): Uint8Array =>
  encodeJsonFrame('start', startRequest(changes));

/** A process id that existed and is gone. */
function deadPid(): number {
  const text = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' });
  return Number(text);
}

const usingObjectsIn = (path: string): SpawnOptions => ({
  env: { EMBERSCOPE_TEST: '1', EMBERSCOPE_TEST_BPF_DIR: path },
});

describe('helper, refused targets', () => {
  it('answers target-not-found for a process that does not exist', async () => {
    const pid = deadPid();
    expect(await answerTo(start({ target: { kind: 'process', pid } }))).toEqual({
      error: { kind: 'target-not-found', pid },
      code: 1,
    });
  });

  it('answers target-gone for a process that ended and was not collected', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 20']);
    const [text] = await new Promise<Buffer[]>((take) =>
      parent.stdout.once('data', (data: Buffer) => take([data])),
    );
    const pid = Number(text);
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /);
    const answer = await answerTo(start({ target: { kind: 'process', pid } }));
    parent.kill('SIGKILL');
    expect(answer).toEqual({ error: { kind: 'target-gone', pid }, code: 1 });
  });

  it('answers target-gone or ends cleanly when the process dies at once', async () => {
    for (const delay of ['0.05', '0.1', '0.15', '0.2', '0.3']) {
      const target = spawn('sleep', [delay]);
      const helper = new HelperClient(entry);
      await helper.json('hello');
      helper.child.stdin?.write(start({ target: { kind: 'process', pid: target.pid ?? 0 } }));
      const { code } = await helper.exit();
      const { type, payload } = helper.frames.at(-1)!;
      const words = decodeJson(payload) as { kind?: string; reason?: string };
      const outcome = `${type} ${words.reason ?? words.kind ?? ''}, exit ${String(code)}`;
      expect(outcome).toMatch(
        /^(bye target-exited, exit 0|error target-(gone|not-found), exit 1)$/,
      );
    }
  });

  it('answers cgroup-not-found for an id no cgroup has', async () => {
    const target = { kind: 'cgroup', id: 'fffffffffff', level: 1 } as const;
    expect(await answerTo(start({ target }))).toMatchObject({
      error: { kind: 'cgroup-not-found' },
      code: 1,
    });
  });
});

describe('helper, refused requests', () => {
  it.each([
    ['a rate of 0', { rateHz: 0 }],
    ['a rate of 1e9', { rateHz: 1e9 }],
    ['an unknown field', { path: '/etc/passwd' }],
    ['another source', { source: 'off-cpu' }],
  ])('answers helper-protocol to %s', async (_, changes) => {
    const frame = encodeJsonFrame('start', { ...startRequest(), ...changes });
    expect(await answerTo(frame)).toMatchObject({ error: { kind: 'helper-protocol' }, code: 1 });
  });

  it.each([
    ['another frame', encodeFrame('kallsyms', Buffer.from('x'))],
    ['bytes that are no frame', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a request that is no JSON', encodeFrame('start', Buffer.from('{'))],
  ])('answers helper-protocol to %s', async (_, frame) => {
    expect(await answerTo(frame)).toMatchObject({ error: { kind: 'helper-protocol' }, code: 1 });
  });

  it('answers helper-protocol to a second start, and detaches', async () => {
    const clean = await leavesNothingLoaded(async () => {
      const helper = new HelperClient(entry);
      await helper.start(startRequest());
      helper.child.stdin?.write(start());
      expect((await helper.exit()).code).toBe(1);
      const error = helper.frames.find(({ type }) => type === 'error');
      expect(decodeJson(error!.payload)).toMatchObject({ kind: 'helper-protocol' });
    });
    expect(clean).toBe(true);
  });

  it('ends quietly when the engine goes away before it asks', async () => {
    const helper = new HelperClient(entry);
    await helper.json('hello');
    helper.child.stdin?.end();
    expect(await helper.exit()).toEqual({ code: 0, signal: null });
  });

  it.each([
    ['no argument', []],
    ['another argument', ['--stdio', '--object=/tmp/x']],
  ])('exits 2 with %s', async (_, args) => {
    const helper = new HelperClient(entry, { args });
    expect((await helper.exit()).code).toBe(2);
  });
});

describe('helper, refused by privilege', () => {
  it('answers permission-refused and names what is missing', async () => {
    const under = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    expect(await answerTo(start(), { under })).toEqual({
      error: { kind: 'permission-refused', missing: ['CAP_BPF', 'CAP_PERFMON'] },
      code: 1,
    });
  });

  it('refuses to run on a handover with more privilege than it claims', async () => {
    const handover = join(folder, 'handover');
    execFileSync('sh', ['-c', `echo '{"keep":"0"}' > ${handover}`]);
    const child = spawn(
      'sh',
      [
        '-c',
        `exec 9<${handover}; cat | EMBERSCOPE_HELPER_HANDOVER=9 exec node ${entry} --stdio | cat`,
      ],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdin.end();
    await new Promise((done) => child.on('close', done));
    expect(stderr).toMatch(/Bug: /);
  });
});

describe('helper, refused objects', () => {
  it('answers bpf-object-unusable when the object is missing', async () => {
    expect(await answerTo(start(), usingObjectsIn(join(folder, 'nowhere')))).toEqual({
      error: { kind: 'bpf-object-unusable', object: 'on_cpu.bpf.o', reason: 'file not found' },
      code: 1,
    });
  });

  it.each([0, 40, 700, 5000])(
    'answers bpf-object-unusable when it ends after %i bytes',
    async (bytes) => {
      const path = join(folder, `cut-${bytes}`);
      makeBpfObjects(path);
      truncateSync(join(path, 'on_cpu.bpf.o'), bytes);
      expect(await answerTo(start(), usingObjectsIn(path))).toMatchObject({
        error: { kind: 'bpf-object-unusable', object: 'on_cpu.bpf.o' },
        code: 1,
      });
    },
  );

  it('answers bpf-load-failed with the verifier’s words when the kernel refuses the program', async () => {
    const path = join(folder, 'rejected');
    const source = resolve(import.meta.dirname, '../fixtures/bpf/rejected.bpf.c');
    execFileSync('mkdir', ['-p', path]);
    const machine = execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim();
    const include = ['-idirafter', `/usr/include/${machine}-linux-gnu`];
    execFileSync('clang', [
      '-O2',
      '-g',
      '-target',
      'bpf',
      ...include,
      '-c',
      source,
      '-o',
      join(path, 'on_cpu.bpf.o'),
    ]);
    const clean = await leavesNothingLoaded(async () => {
      expect(await answerTo(start(), usingObjectsIn(path))).toMatchObject({
        error: {
          kind: 'bpf-load-failed',
          program: 'on_tick',
          errno: 'EACCES',
          verifierLog: expect.stringContaining("invalid mem access 'map_value_or_null'"),
        },
        code: 1,
      });
    });
    expect(clean).toBe(true);
  });

  it('heeds the test folder only when told that this is a test', async () => {
    copyFileSync(resolve(entry, '../../bpf/on_cpu.bpf.o'), join(folder, 'on_cpu.bpf.o'));
    const helper = new HelperClient(entry, {
      env: { EMBERSCOPE_TEST_BPF_DIR: join(folder, 'nowhere') },
    });
    await helper.start(startRequest());
    expect((await helper.stop()).reason).toBe('stopped');
  });
});
