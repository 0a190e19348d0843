import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildHelper, HelperClient, startRequest } from '../support/bpf-helper.ts';
import { bundleNode } from '../support/capture.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCE = join(ROOT, 'main/helper/launcher/emberscope-launcher.c');
const CAPABILITIES = 'cap_bpf,cap_perfmon,cap_syslog,cap_sys_ptrace,cap_dac_read_search+p';
const NOBODY = '65534';
/** A group that the user of these tests is in, and one that he is not. */
const GROUP = '65534';
const asUser = (group = GROUP): string[] => [
  ...['setpriv', `--reuid=${NOBODY}`, `--regid=${group}`, '--clear-groups'],
];

let built = '';
let folder = '';
let launcher = '';
let attacker = '';

/** An installation in a folder that only root can change: launcher, helper, and what it needs. */
beforeAll(async () => {
  attacker = await bundleNode('test/support/attacker.ts', 'attacker');
  const entry = await buildHelper();
  built = entry;
  folder = mkdtempSync('/usr/lib/emberscope-test-');
  chmodSync(folder, 0o755);
  cpSync(dirname(entry), join(folder, 'helper'), { recursive: true });
  cpSync(resolve(entry, '../../bpf'), join(folder, 'bpf'), { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['koffi', '@koromix', 'zod']) {
    const copy = join(folder, 'node_modules', name);
    cpSync(join(ROOT, 'node_modules', name), copy, { recursive: true, dereference: true });
  }
  launcher = join(folder, 'emberscope-helper-caps');
  execFileSync('cc', [
    ...['-O2', '-Wall', '-Wextra', '-Werror'],
    `-DEMBERSCOPE_RUNTIME="${process.execPath}"`,
    `-DEMBERSCOPE_HELPER="${join(folder, 'helper/main.js')}"`,
    `-DEMBERSCOPE_TREE="${folder}"`,
    ...['-o', launcher, SOURCE],
  ]);
  execFileSync('chgrp', [GROUP, launcher]);
  chmodSync(launcher, 0o710);
  execFileSync('setcap', [CAPABILITIES, launcher]);
});
afterAll(() => {
  if (folder !== '') rmSync(folder, { recursive: true });
});

/** By an access control list, as setfacl(1) would: struct posix_acl_xattr_entry of the kernel. */
function letWrite(path: string, uid: string): void {
  const script = `import os, struct, sys
entries = [(1, 6, -1), (2, 6, int(sys.argv[2])), (4, 4, -1), (16, 6, -1), (32, 4, -1)]
acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHi', *entry) for entry in entries)
os.setxattr(sys.argv[1], 'system.posix_acl_access', acl)`;
  execFileSync('python3', ['-c', script, path, uid]);
}

/** Started by a process of the user's, as an engine would: the elevation happens at the launcher. */
const start = (
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = ['--stdio'],
) => {
  // HelperClient puts the runtime and an entry behind `under`; this shell drops both.
  const under = [...asUser(), 'sh', '-c', `shift; shift; ${launcher} "$@"; exit $?`, 'sh'];
  return new HelperClient('unused', { under, env, args });
};
const childOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);

describe('the launcher with file capabilities', () => {
  it('lets a plain user record the machine, by the helper’s own protocol', async () => {
    const helper = start();
    const started = await helper.start(startRequest({ rateHz: 199 }));
    await sleep(1500);
    const bye = await helper.stop();
    expect(bye.reason).toBe('stopped');
    expect(bye.stats.samples + bye.stats.idle).toBeGreaterThan(50);
    expect(started.capabilities.sort()).toEqual([
      'CAP_BPF',
      'CAP_DAC_READ_SEARCH',
      'CAP_SYS_PTRACE',
    ]);
    expect(new Set(helper.facts().map(({ pid }) => pid)).has(1)).toBe(true);
    expect(helper.kernelSymbols().length).toBeGreaterThan(1000);
  });

  it('refuses whoever is not in its group', () => {
    // The shell in between has no capability any more: setpriv(1) may keep some until its exec.
    const outsider = [...asUser('65533'), 'sh', '-c', `${launcher} --stdio`];
    const run = (): Buffer => execFileSync(outsider[0]!, outsider.slice(1), { stdio: 'pipe' });
    expect(run).toThrow(/Permission denied/);
  });

  it.each([
    ['NODE_OPTIONS', (script: string) => `--import=${script}`],
    ['LD_PRELOAD', (script: string) => script],
    ['LD_AUDIT', (script: string) => script],
    ['LD_LIBRARY_PATH', (script: string) => dirname(script)],
    ['NODE_PATH', (script: string) => dirname(script)],
    ['EMBERSCOPE_TEST_BPF_DIR', (script: string) => dirname(script)],
    ['EMBERSCOPE_HELPER_HANDOVER', () => '0'],
  ])('does not let %s through to the runtime', async (name, value) => {
    const script = `/tmp/ember-injected-${process.pid}.mjs`;
    const mark = `${script}.mark`;
    writeFileSync(
      script,
      `import { writeFileSync } from 'node:fs'; writeFileSync('${mark}', String(process.argv));`,
    );
    chmodSync(script, 0o644);
    try {
      const helper = start({ EMBERSCOPE_TEST: '1', [name]: value(script) });
      await helper.json('hello');
      const pid = childOf(helper.child.pid ?? 0);
      const names = readFileSync(`/proc/${pid}/environ`, 'latin1')
        .split('\0')
        .map((line) => line.split('=')[0]);
      await helper.start(startRequest({ unwind: 'fp' }));
      await helper.stop();
      expect(names.filter(Boolean)).toEqual(['ELECTRON_RUN_AS_NODE', 'LANG']);
      expect(() => readFileSync(mark)).toThrow(/ENOENT/);
    } finally {
      rmSync(script, { force: true });
      rmSync(mark, { force: true });
    }
  });

  it.each([
    ['no argument', []],
    ['a script', ['--stdio', '/tmp/x.js']],
    ['an option of the runtime', ['--eval=1']],
  ])('takes no argument but one: %s', async (_, args) => {
    expect((await start({}, args).exit()).code).toBe(2);
  });

  it('starts nothing while others could change a part that is loaded', async () => {
    const part = join(folder, 'helper/drain-worker.js');
    chmodSync(part, 0o666);
    const writable = start();
    expect((await writable.exit()).code).toBe(3);
    expect(writable.stderr).toBe(`${part}: others than root can change it.\n`);
    chmodSync(part, 0o644);
    letWrite(part, NOBODY);
    expect((await start().exit()).code).toBe(3);
    rmSync(part);
    cpSync(join(dirname(built), 'drain-worker.js'), part);
    const link = join(folder, 'bpf/more');
    symlinkSync('/tmp', link);
    const linked = start();
    expect((await linked.exit()).code).toBe(3);
    expect(linked.stderr).toBe(`${link}: it is a symbolic link.\n`);
    rmSync(link);
    const sound = start();
    expect(await sound.json('hello')).toMatchObject({ product: 'emberscope-helper' });
    sound.child.stdin?.end();
    expect((await sound.exit()).code).toBe(0);
  });

  it('says what is missing without its capabilities', () => {
    const bare = join(folder, 'bare');
    cpSync(launcher, bare);
    chmodSync(bare, 0o755);
    const user = asUser();
    const run = () =>
      execFileSync(user[0]!, [...user.slice(1), bare, '--stdio'], { stdio: 'pipe' });
    expect(run).toThrow(/was not given its capabilities/);
  });

  it('gives nothing to another process of the user, before it records and while it does', async () => {
    const user = asUser();
    const helper = start();
    await helper.json('hello');
    const pid = childOf(helper.child.pid ?? 0);
    const attack = (): [string, string][] => {
      const said = execFileSync(
        user[0]!,
        [...user.slice(1), process.execPath, attacker, String(pid)],
        { encoding: 'utf8' },
      );
      return Object.entries(JSON.parse(said) as Record<string, string>);
    };
    const early = attack();
    await helper.start(startRequest());
    const late = attack();
    expect((await helper.stop()).reason).toBe('stopped');
    expect(early.length).toBeGreaterThan(15);
    const got = [...early, ...late].filter(([, outcome]) => !/^(EPERM|EACCES)$/.test(outcome));
    expect(got).toEqual([]);
  });
});
