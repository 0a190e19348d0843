import { createRequire } from 'node:module';
import { constants } from 'node:os';
import type koffiModule from 'koffi';

type Koffi = typeof koffiModule;
let loaded: Koffi | undefined;

/** koffi itself, loaded at the first use: opening a session file must not need a native module. */
export function koffi(): Koffi {
  loaded ??= createRequire(import.meta.url)('koffi') as Koffi;
  return loaded;
}

/** Anything C takes as an address: memory of ours, an address C returned, or NULL. */
export type Pointer = Uint8Array | bigint | null;

/** Calls back on this thread's event loop whenever the descriptor has something to read, until stopped. */
export function watchReadable(fd: number, onReadable: () => void): { stop(): void } {
  const handle = koffi().node.poll(fd, { readable: true }, onReadable);
  watches.add(handle);
  return {
    stop() {
      watches.delete(handle);
      handle.stop();
    },
  };
}

/** Watches under way: a handle that nobody holds is collected, and its watch ends without a word. */
const watches = new Set<object>();

/** errno of the latest foreign call of this thread; valid until the next one. */
export const errno = (): number => koffi().errno();

/** The name of an errno value, e.g. "ENOENT"; "errno 524" for one without a name in user space. */
export function errnoName(value: number): string {
  for (const [name, code] of Object.entries(constants.errno)) if (code === value) return name;
  return `errno ${value}`;
}
