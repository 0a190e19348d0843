import { closeSync } from 'node:fs';
import { koffi } from './koffi.ts';

/** What a build id can be asked for. */
export type DebuginfodFile = 'debuginfo' | 'executable';

/** A file in the client's cache, or the errno that says why there is none (ENOENT: no server has it). */
export type DebuginfodAnswer = { readonly path: string } | { readonly errno: number };

/**
 * Called while a download waits or runs, on the calling thread; anything but 0 gives it up. While the
 * total is not known (0 or less), the first number may count something else than bytes.
 */
export type DebuginfodProgress = (doneBytes: number, totalBytes: number) => number;

/** A client: connections and settings for questions one after the other. Every call blocks. */
export interface DebuginfodConnection extends Disposable {
  find(file: DebuginfodFile, buildId: Uint8Array): DebuginfodAnswer;
}

/** elfutils' client library; the package is libdebuginfod1 (or 1t64), elfutils-debuginfod-client elsewhere. */
export const DEBUGINFOD_LIBRARY = 'libdebuginfod.so.1';

type Find = (client: bigint, id: Uint8Array, bytes: number, path: [string | null]) => number;

/**
 * Connects to the servers in DEBUGINFOD_URLS (debuginfod_find_debuginfo(3)); the environment is read by
 * the library itself. A text: the library is not here, or its client could not be made; it says why.
 */
export function openDebuginfod(progress: DebuginfodProgress): DebuginfodConnection | string {
  try {
    return connect(progress);
  } catch (error) {
    if (error instanceof Error) return `${DEBUGINFOD_LIBRARY}: ${error.message}`;
    throw error;
  }
}

function connect(progress: DebuginfodProgress): DebuginfodConnection | string {
  const ffi = koffi();
  const library = ffi.load(DEBUGINFOD_LIBRARY);
  const begin = library.func('debuginfod_begin', 'void *', []) as unknown as () => bigint | null;
  const end = library.func('debuginfod_end', 'void', ['void *']) as unknown as (c: bigint) => void;
  // Prototypes of koffi are anonymous: a second connection must not declare a name again.
  const callbackType = ffi.pointer(ffi.proto('int', ['void *', 'long', 'long']));
  const setProgress = library.func('debuginfod_set_progressfn', 'void', [
    'void *',
    callbackType,
  ]) as unknown as (client: bigint, callback: unknown) => void;
  // The path comes from malloc(3) and is ours to free.
  const path = ffi.out(ffi.pointer(ffi.disposable('str')));
  const finder = (file: DebuginfodFile): Find =>
    library.func(`debuginfod_find_${file}`, 'int', ['void *', 'void *', 'int', path]);
  const finders = { debuginfo: finder('debuginfo'), executable: finder('executable') };
  const client = begin();
  if (client === null) return 'debuginfod_begin() failed';
  const callback = ffi.register(
    (_client: unknown, done: number, total: number) => progress(done, total),
    callbackType,
  );
  setProgress(client, callback);
  return {
    find(file, buildId) {
      const out: [string | null] = [null];
      const descriptor = finders[file](client, buildId, buildId.length, out);
      if (descriptor < 0) return { errno: -descriptor };
      closeSync(descriptor);
      return out[0] === null ? { errno: 0 } : { path: out[0] };
    },
    [Symbol.dispose]() {
      end(client);
      ffi.unregister(callback);
    },
  };
}
