import { copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invariant } from '#shared/invariant.ts';
import { outsideArchive } from '#shared/text/archive-path.ts';

/**
 * Copies of the helper and of all it is made of, for systems without a package: to where only root can
 * change them. The launchers have these paths compiled in (scripts/lib/launchers.mjs).
 */
export const COPY_FOLDER = '/usr/lib/emberscope';
const RUNTIME_NAME = 'emberscope-runtime';

/** dist/ of this very program. */
export const distFolder = (): string =>
  outsideArchive(fileURLToPath(new URL('..', import.meta.url))).replace(/\/$/, '');

/** Makes the copies in `to`, a new folder. Everything in it is the caller's, mode 0755 or 0644. */
export function copyHelper(to: string): void {
  const dist = distFolder();
  for (const part of ['helper', 'bpf', 'lib']) copyFolder(join(dist, part), join(to, 'dist', part));
  for (const name of ['koffi', `@koromix/koffi-linux-${process.arch}`]) {
    copyFolder(packageFolder(name), join(to, 'node_modules', name));
  }
  copyRuntime(join(to, 'runtime'));
}

/** Regular files alone: no link leads out of the copy. Source maps help nobody there. */
function copyFolder(from: string, to: string): void {
  if (!existsSync(from)) return;
  for (const entry of readdirSync(from, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || entry.name.endsWith('.map')) continue;
    const folder = join(to, entry.parentPath.slice(from.length));
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(entry.parentPath, entry.name), join(folder, entry.name));
  }
}

/** As the module loader would find it from here. */
function packageFolder(name: string): string {
  for (let folder = distFolder(); ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(found)) return realpathSync(found);
    invariant(folder !== dirname(folder), `the package ${name} is installed`);
  }
}

/** The runtime this command line runs on, with the files beside it that Electron's needs. */
function copyRuntime(to: string): void {
  mkdirSync(to, { recursive: true });
  const runtime = realpathSync(process.execPath);
  copyFileSync(runtime, join(to, RUNTIME_NAME));
  if (!('electron' in process.versions)) return;
  const needed = /^(lib\w+\.so(\.\d+)*|icudtl\.dat|\w+\.bin|resources\.pak)$/;
  for (const name of readdirSync(dirname(runtime)).filter((file) => needed.test(file))) {
    copyFileSync(join(dirname(runtime), name), join(to, basename(name)));
  }
}
