import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';

/** System tools such as ldconfig and useradd are not on a plain user's PATH. */
const SEARCH = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * Where a command is, or null.
 * @param {string} name
 */
export function which(name) {
  for (const folder of SEARCH) {
    if (folder === '') continue;
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not executable for us: the next folder may have one that is.
    }
  }
  return null;
}

/**
 * Runs a command and returns its output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
export function capture(command, args, options = {}) {
  const done = spawnSync(command, [...args], { ...options, encoding: 'utf8', maxBuffer: 1 << 26 });
  return {
    status: done.status,
    stdout: String(done.stdout ?? ''),
    stderr: String(done.stderr ?? '') + (done.error ? String(done.error) : ''),
  };
}

/**
 * Runs a command with our own standard error as its output; resolves to its exit code.
 * Signals that should end us are handed on, so that nothing is left behind.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { stdio: ['inherit', 2, 2], ...options });
    /** @param {NodeJS.Signals} signal */
    const pass = (signal) => child.kill(signal);
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, pass);
    const finish = () => {
      for (const signal of signals) process.off(signal, pass);
    };
    child.on('error', (error) => {
      finish();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      finish();
      resolve(code ?? 128 + (signal === null ? 0 : osConstants.signals[signal]));
    });
  });
}
