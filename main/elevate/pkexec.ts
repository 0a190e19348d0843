import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import type { HelperScope } from '#shared/model/helper-scope.ts';
import { LAUNCHERS, PKEXEC } from './layout.ts';

/**
 * Starts pkexec, which becomes the launcher of that scope, and then the helper, all under one pid. The
 * caller's process is whom polkit judges and remembers (auth_admin_keep: this process, some minutes), so
 * it is to be one that lives as long as the app.
 *
 * pkexec has no time limit of its own; ending it (SIGTERM, until the launcher runs) closes the dialog.
 * Its built-in agent would ask on a terminal: nobody looks at ours.
 */
export const spawnPkexec = (scope: HelperScope, stdio: StdioOptions): ChildProcess =>
  spawn(PKEXEC, ['--disable-internal-agent', LAUNCHERS[scope], '--stdio'], {
    cwd: '/',
    // Its messages are told apart by their English words. Nothing else reaches the helper anyway.
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
    stdio,
    // A session of its own: Ctrl-C in a terminal reaches us alone.
    detached: true,
  });
