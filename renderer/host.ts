import {
  ENGINE_PORT_MESSAGE,
  HOST_BRIDGE_GLOBAL,
  type HostBridge,
} from '#shared/ipc/host-bridge.ts';
import { ServeHost, serveAuthorization } from './serve/serve-host.ts';

/** The only file that touches the preload's global. Null: the page runs outside its shell. */
export function findHost(): HostBridge | null {
  const holder = globalThis as unknown as Record<string, HostBridge | undefined>;
  return holder[HOST_BRIDGE_GLOBAL] ?? findServeHost();
}

/** In a browser, served over HTTP: a shell made of requests. */
const findServeHost = (): HostBridge | null =>
  location.protocol === 'http:' ? new ServeHost(serveAuthorization()) : null;

/** What fetching a session's rows has to show, as an Authorization header; empty in the desktop app. */
export const dataAuthorization = (): string =>
  location.protocol === 'http:' ? serveAuthorization() : '';

/** Calls back with the engine's port, and again with a new one if the engine was restarted. */
export function onEnginePort(host: HostBridge, callback: (port: MessagePort) => void): void {
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    // The preload posts from this very window: a frame or opener cannot hand over a port.
    if (event.source !== window || event.data !== ENGINE_PORT_MESSAGE) return;
    const port = event.ports[0];
    if (port !== undefined) callback(port);
  });
  host.requestEnginePort();
}
