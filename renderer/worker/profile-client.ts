import { dataAuthorization } from '../host.ts';
import type { FromWorker, ToWorker } from './profile-protocol.ts';

/** The page's end of the profile worker. */
export interface ProfileClient {
  send(message: ToWorker): void;
}

/** Where the build puts worker/profile-worker.ts. */
const WORKER_URL = '/profile-worker.js';

/** The one URL this page may start a script from; part of the Trusted Types API that TypeScript lacks. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): URL };
}

/** Starts the worker. `listen` is called with every message, in order. */
export function startProfileWorker(listen: (message: FromWorker) => void): ProfileClient {
  const worker = new Worker(workerUrl(), { type: 'module', name: dataAuthorization() });
  worker.onmessage = (event: MessageEvent<FromWorker>) => listen(event.data);
  worker.onerror = (event) => listen({ kind: 'failed', sessionId: -1, reason: event.message });
  return { send: (message) => worker.postMessage(message) };
}

function workerUrl(): string | URL {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  if (trustedTypes === undefined) return WORKER_URL;
  const policy = trustedTypes.createPolicy('emberscope-worker', {
    createScriptURL: (url) => (url === WORKER_URL ? url : ''),
  });
  return policy.createScriptURL(WORKER_URL);
}
