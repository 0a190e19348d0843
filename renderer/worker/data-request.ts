/**
 * Serve mode wants the key with every fetch of rows. A worker does not see the tab's storage: the key comes as
 * the worker's name. In the desktop app there is none.
 */
export function dataRequest(workerName: string): RequestInit {
  return workerName.startsWith('Bearer ') ? { headers: { authorization: workerName } } : {};
}
