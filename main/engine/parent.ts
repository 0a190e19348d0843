/**
 * The engine's parent, whichever it is: Electron's utilityProcess or Node's child_process.fork. Types
 * of Electron's side are spelled out here because only main/app may import electron.
 */

/** Electron's MessagePortMain, as far as it is used. */
export interface WindowPort {
  on(event: 'message', listener: (message: { readonly data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  postMessage(message: unknown): void;
  start(): void;
}

interface ElectronParentPort {
  on(
    event: 'message',
    listener: (message: { readonly data: unknown; readonly ports: readonly WindowPort[] }) => void,
  ): unknown;
  postMessage(message: unknown): void;
}

/** A message from the parent, with the window ports that came along. */
export type ParentListener = (message: unknown, ports: readonly WindowPort[]) => void;

/** The two-way line to the parent. */
export interface Parent {
  send(message: unknown): void;
  listen(listener: ParentListener): void;
  /** Calls back when the parent is gone. */
  whenLost(callback: () => void): void;
}

/** How often an orphan would notice, ms; Electron tells its children nothing before it ends them. */
const PARENT_POLL_MS = 500;

/** Finds out who started this process; null: nobody who talks to it. */
export function findParent(): Parent | null {
  const port = (process as { parentPort?: ElectronParentPort | null }).parentPort;
  if (port !== undefined && port !== null) return electronParent(port);
  return process.send === undefined ? null : nodeParent();
}

function electronParent(port: ElectronParentPort): Parent {
  return {
    send: (message) => port.postMessage(message),
    listen: (listener) => void port.on('message', ({ data, ports }) => listener(data, ports)),
    whenLost: watchParentPid,
  };
}

function nodeParent(): Parent {
  return {
    send: (message) => {
      // The parent may end between two of our messages; whenLost tells.
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
    },
    listen: (listener) => void process.on('message', (message) => listener(message, [])),
    whenLost: (callback) => {
      process.once('disconnect', callback);
      watchParentPid(callback);
    },
  };
}

/** An orphan gets another parent process. */
function watchParentPid(callback: () => void): void {
  const first = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === first) return;
    clearInterval(timer);
    callback();
  }, PARENT_POLL_MS);
  timer.unref();
}
