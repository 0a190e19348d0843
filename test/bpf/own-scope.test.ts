import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeJsonFrame } from '../../main/capture/wire/framing.ts';
import type { SourceRequest, StartRequest } from '../../main/capture/wire/helper-protocol.ts';
import { buildHelper, HelperClient, startRequest } from '../support/bpf-helper.ts';

const NOBODY = '65534';
const asUser = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
const LENT = '-all,+bpf,+perfmon,+syslog,+sys_ptrace,+dac_read_search';
/** As a launcher starts it. */
const asHelper = [...asUser, `--inh-caps=${LENT}`, `--ambient-caps=${LENT}`];

let entry = '';
let folder = '';
const children: ChildProcess[] = [];

beforeAll(async () => {
  entry = await buildHelper();
  // Not below /tmp, which may be mounted nosuid.
  folder = mkdtempSync('/var/lib/emberscope-test-');
  chmodSync(folder, 0o755);
});
afterEach(() => {
  for (const child of children.splice(0)) process.kill(-child.pid!, 'SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

const helper = () => new HelperClient(entry, { under: asHelper, args: ['--stdio', '--scope=own'] });

async function refusalOf(changes: Partial<StartRequest>): Promise<unknown> {
  const asked = helper();
  await asked.json('hello');
  asked.child.stdin?.write(encodeJsonFrame('start', startRequest(changes)));
  await asked.exit();
  return await asked.json('error');
}

/** A shell command of the plain user's, in a process group of its own. */
function run(command: string): number {
  const [program, ...args] = [...asUser, 'sh', '-c', command];
  const child = spawn(program, args, { detached: true, stdio: 'ignore' });
  children.push(child);
  return child.pid!;
}
const untilRunning = () => sleep(300);

describe('a helper for own processes', () => {
  it('refuses the machine, cgroups and what does not exist', async () => {
    const cgroup = { kind: 'cgroup', id: '1', level: 0 } as const;
    for (const target of [{ kind: 'machine' }, cgroup] as const) {
      expect(await refusalOf({ target })).toMatchObject({ kind: 'target-not-own' });
    }
    expect(await refusalOf({ target: { kind: 'process', pid: 4_194_303 } })).toMatchObject({
      kind: 'target-not-found',
    });
  });

  it('refuses a process of another user, and one of the user’s that has more power', async () => {
    const other = spawn('sleep', ['60'], { detached: true });
    children.push(other);
    const [program, ...args] = [...asHelper, 'sleep', '60'];
    const stronger = spawn(program, args, { detached: true });
    children.push(stronger);
    await untilRunning();
    for (const { pid } of [other, stronger]) {
      expect(await refusalOf({ target: { kind: 'process', pid: pid! } })).toMatchObject({
        kind: 'target-not-own',
        what: expect.stringContaining(`Process ${pid}`) as string,
      });
    }
  });

  it('refuses wakers, and probes in files that the user may not read', async () => {
    const target = { kind: 'process', pid: run('sleep 60') } as const;
    await untilRunning();
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'x', { mode: 0o600 });
    const probe = { type: 'user', path: secret, offset: 0 } as const;
    const sources: SourceRequest[] = [
      { kind: 'off-cpu', minNs: 0, wakers: true },
      { kind: 'function', probe, minNs: 0, detail: 'events' },
    ];
    for (const source of sources) {
      expect(await refusalOf({ target, sources: [source] })).toMatchObject({
        kind: 'target-not-own',
      });
    }
  });

  it.each(['fp', 'auto'] as const)(
    'leaves a child that becomes a set-user-id program, and counts it; unwinding %s',
    async (unwind) => {
      const raised = join(folder, `raised-${unwind}`);
      copyFileSync('/bin/dash', raised);
      chmodSync(raised, 0o4755);
      const go = join(folder, `go-${unwind}`);
      // dash gives up what set-user-id gave it, unless it is asked not to.
      const spin = `while :; do :; done`;
      const pid = run(
        `until [ -e ${go} ]; do sleep 0.05; done; ${raised} -p -c '${spin}' & ${spin}`,
      );
      await untilRunning();
      const recording = helper();
      await recording.start(
        startRequest({ target: { kind: 'process', pid }, rateHz: 999, unwind }),
      );
      writeFileSync(go, '');
      await sleep(2500);
      const child = Number(
        readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').at(-1),
      );
      const euid = execFileSync('ps', ['-o', 'euid=', '-p', String(child)], { encoding: 'utf8' });
      const bye = await recording.stop();
      expect(euid.trim()).toBe('0');
      expect(bye.stats.loss['target-privileged']).toBe(1);
      const ofParent = recording.samples().filter((sample) => sample.pid === pid);
      const ofChild = recording.samples().filter((sample) => sample.pid === child);
      expect(ofParent.length).toBeGreaterThan(100);
      // Before its exec it was a copy of the parent.
      expect(ofChild.length).toBeLessThan(20);
    },
  );
});
