/**
 * Which pages show which session. The engine gives a file that is opened twice the same id, and pages close what
 * they no longer show: the session of another page must stay.
 */
export class SessionHolders {
  readonly #clients = new Map<number, Set<number>>();

  hold(session: number, client: number): void {
    const clients = this.#clients.get(session) ?? new Set();
    this.#clients.set(session, clients.add(client));
  }

  /** True: no page shows the session any more. */
  release(session: number, client: number): boolean {
    const clients = this.#clients.get(session);
    clients?.delete(client);
    if (clients !== undefined && clients.size > 0) return false;
    this.#clients.delete(session);
    return true;
  }

  /** The page is gone. Returns the sessions that nobody shows any more. */
  releaseAll(client: number): readonly number[] {
    const held = [...this.#clients].filter(([, clients]) => clients.has(client));
    return held.map(([session]) => session).filter((session) => this.release(session, client));
  }
}
