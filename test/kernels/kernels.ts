import { execFileSync } from 'node:child_process';
import { basename, resolve } from 'node:path';

/** A kernel of the distribution's archive: scripts/kernel-images.mjs. */
export interface Kernel {
  readonly release: string;
  readonly path: string;
  readonly modules: readonly string[];
}

const SCRIPT = resolve(import.meta.dirname, '../../scripts/kernel-images.mjs');
/** Packages (with "/SUITE" of another release) or .deb files, separated by commas. */
const ASKED = process.env['EMBERSCOPE_KERNELS']?.split(',') ?? [];

/** Those to be booted: fetched by set-up, or now. */
export const KERNELS = JSON.parse(
  execFileSync(process.execPath, [SCRIPT, ...ASKED], { encoding: 'utf8' }),
) as readonly Kernel[];

/** Older kernels have no bpf_loop(): they sample CPUs, and that is all. */
export const LATENCY_SINCE = '5.17';

/** Older kernels have no bpf_task_pt_regs(): their user stacks are walked along frame pointers. */
export const UNWIND_SINCE = '5.15';

/** Whether a release ("6.1.0-50-amd64") is of a version ("5.17") or a later one. */
export function isAtLeast(release: string, version: string): boolean {
  const [a = 0, b = 0] = release.split(/[.-]/).map(Number);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

export function modulePath(modules: readonly string[], name: string): string {
  const found = modules.find((path) => basename(path) === name);
  if (found === undefined) throw new Error(`${name} was not unpacked`);
  return found;
}
