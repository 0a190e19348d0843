import { opendir, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import type { FolderListing } from '#shared/ipc/serve-contract.ts';
import { err, ok, type Result } from '#shared/result.ts';

/** Entries shown; the rest is counted. */
const MAX_SHOWN = 1000;
/** Entries read; a folder with more is not counted to its end. */
const MAX_READ = 20_000;

/** What a file dialog shows of a folder: without hidden entries, in alphabetical order. The error is a sentence. */
export async function listFolder(path: string): Promise<Result<FolderListing, string>> {
  const folder = normalize(path);
  const folders: string[] = [];
  const files: string[] = [];
  let read = 0;
  try {
    for await (const entry of await opendir(folder)) {
      if (++read > MAX_READ) break;
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(folder, entry.name))))
        folders.push(entry.name);
      else files.push(entry.name);
    }
  } catch (cause) {
    return err(cause instanceof Error ? cause.message : String(cause));
  }
  const shownFolders = folders.sort().slice(0, MAX_SHOWN);
  const shownFiles = files.sort().slice(0, MAX_SHOWN);
  return ok({
    path: folder,
    parent: folder === '/' ? null : dirname(folder),
    folders: shownFolders,
    files: shownFiles,
    more: folders.length - shownFolders.length + files.length - shownFiles.length,
  });
}

/** A link that leads nowhere is no folder. */
const isFolder = (folder: string, name: string): Promise<boolean> =>
  stat(join(folder, name)).then(
    (found) => found.isDirectory(),
    () => false,
  );
