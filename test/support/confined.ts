import { spawnSync } from 'node:child_process';
import {
  closeSync,
  futimesSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import * as capabilities from '../../main/bpf/capabilities.ts';
import { errno, errnoName, koffi } from '../../main/ffi/koffi.ts';
import { libc } from '../../main/ffi/libc.ts';
import { confineSystemCalls } from '../../main/helper/seccomp.ts';

/**
 * Puts itself under the capture stage's filter as the helper does, and prints as JSON what the kernel says
 * to what the helper never does. `argv[2]`: a file of its own; `argv[3]`: "exec" ends with an exec.
 */
const file = process.argv[2] ?? '';
const results: Record<string, string> = {};
const attempt = (name: string, action: () => unknown): void => {
  try {
    const outcome = action();
    results[name] = typeof outcome === 'string' ? outcome : 'done';
  } catch (error) {
    results[name] = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
};
const connecting = (): Promise<string> =>
  new Promise((settle) => {
    const socket = connect({ path: '/run/nobody-listens' });
    socket.on('error', (error: NodeJS.ErrnoException) => settle(error.code ?? 'error'));
    socket.on('connect', () => settle('done'));
  });
/** A thread of the runtime's pool: it was there before the filter, and is not this one. */
const inWorker = (path: string): Promise<string> =>
  new Promise((settle) => {
    const source = `
      const { openSync } = require('node:fs');
      let said = 'done';
      try { openSync(${JSON.stringify(path)}, 'w'); } catch (error) { said = error.code; }
      require('node:worker_threads').parentPort.postMessage(said);`;
    const worker = new Worker(source, { eval: true });
    worker.on('message', settle);
    worker.on('error', (error) => settle(String(error)));
  });

writeFileSync(file, 'before');
capabilities.forbidNewPrivileges();
capabilities.limitCapabilities(0n, 0n);
confineSystemCalls(0n);

if (process.argv[3] === 'exec') libc().execve('/bin/true', ['true', null], [null]);
attempt('read', () => readFileSync(file));
attempt('touch', () => {
  const open = openSync(file, 'r');
  futimesSync(open, 1, 1);
  closeSync(open);
});
attempt('write', () => openSync(file, 'r+'));
attempt('truncate', () => openSync(file, 'w'));
attempt('create', () => openSync(`${file}.new`, 'wx'));
attempt('rename', () => renameSync(file, `${file}.moved`));
attempt('remove', () => unlinkSync(file));
attempt(
  'start a process',
  () => (spawnSync('/bin/true').error as NodeJS.ErrnoException | undefined)?.code,
);
const fork = koffi().load(null).func('int fork()') as unknown as () => number;
attempt('fork', () => (fork() < 0 ? errnoName(errno()) : 'done'));
attempt('signal the parent', () => process.kill(process.ppid, 0));
results['connect'] = await connecting();
results['write in a thread'] = await inWorker(file);
results['threads'] = [
  ...new Set(
    [
      ...readFileSync('/proc/self/status', 'utf8').matchAll(/^Seccomp(?:_filters)?:\s*(\d+)$/gm),
    ].map(([, value]) => value),
  ),
].join(' ');
writeSync(1, JSON.stringify(results));
// Native modules have destructors that the filter refuses.
libc()._exit(0);
