import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  type LaunchedTarget,
  launchStopped,
  processState,
} from '../../../main/capture/target-launch.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ember-launch-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function launched(...argv: string[]): Promise<LaunchedTarget> {
  const target = await launchStopped(argv, folder, 'ignore');
  if (!target.ok) throw new Error(JSON.stringify(target.error));
  return target.value;
}

describe('launchStopped', () => {
  it('does nothing of the command until it is resumed', async () => {
    const target = await launched('/bin/sh', '-c', 'echo $$ > ran');
    expect(processState(target.pid)).toBe('T');
    expect(existsSync(join(folder, 'ran'))).toBe(false);
    target.resume();
    expect(await target.exited).toBe(0);
    // The pid it was announced with is the pid it ran with.
    expect(Number(readFileSync(join(folder, 'ran'), 'utf8'))).toBe(target.pid);
  });

  it('passes arguments unchanged', async () => {
    const target = await launched(
      '/bin/sh',
      '-c',
      'printf "%s|" "$@" > args',
      'sh',
      'a b',
      '',
      '$HOME',
    );
    target.resume();
    await target.exited;
    expect(readFileSync(join(folder, 'args'), 'utf8')).toBe('a b||$HOME|');
  });

  it('reports the exit status', async () => {
    const target = await launched('/bin/sh', '-c', 'exit 42');
    target.resume();
    expect(await target.exited).toBe(42);
  });

  it('reports a signal as shells do', async () => {
    const target = await launched('/bin/sh', '-c', 'kill -TERM $$');
    target.resume();
    expect(await target.exited).toBe(143);
  });

  it('can be ended while it stands still', async () => {
    const target = await launched('/bin/sleep', '100');
    target.kill();
    expect(await target.exited).toBe(137);
    expect(processState(target.pid)).toBeNull();
  });

  it.each([
    ['a program that does not exist', ['/nonexistent/program']],
    ['a name that is not in PATH', ['no-such-program-anywhere']],
    ['a folder', ['/tmp']],
    ['a file that is not executable', ['./plain']],
  ])('refuses %s', async (_, argv) => {
    writeFileSync(join(folder, 'plain'), 'text');
    const target = await launchStopped(argv, folder, 'ignore');
    expect(target).toMatchObject({
      ok: false,
      error: { kind: 'command-failed', command: argv[0] },
    });
  });

  it.each([
    ['does not exist', 'absent', 'does not exist'],
    ['is a file', 'plain', 'is no folder'],
    ['lies below a file', 'plain/x', 'ENOTDIR'],
    ['is a link to itself', 'loop', 'ELOOP'],
    ['has too long a name', 'n'.repeat(300), 'ENAMETOOLONG'],
  ])('refuses a working folder that %s', async (_, name, reason) => {
    writeFileSync(join(folder, 'plain'), 'text');
    symlinkSync('loop', join(folder, 'loop'));
    const target = await launchStopped(['/bin/true'], join(folder, name), 'ignore');
    expect(target).toEqual({
      ok: false,
      error: {
        kind: 'command-failed',
        command: '/bin/true',
        reason: expect.stringContaining(reason) as string,
      },
    });
  });

  it('refuses arguments that are too long for the kernel', async () => {
    const target = await launchStopped(['/bin/true', 'x'.repeat(1 << 20)], folder, 'ignore');
    expect(target).toMatchObject({ ok: false, error: { kind: 'command-failed' } });
  });
});
