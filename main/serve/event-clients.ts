import type { ServerResponse } from 'node:http';
import type { ServeLine } from '#shared/ipc/serve-contract.ts';
import { messageToText } from '#shared/ipc/serve-contract.ts';

/**
 * Pages open at once. A browser makes six connections to one server at most, all tabs together, and each page
 * holds one for its events: two are left for everything they ask. With six pages no answer would ever come.
 */
export const MAX_CLIENTS = 4;
/** A page that lets more than this pile up does not read any more, bytes. */
const MAX_BACKLOG = 8 * 2 ** 20;
/** Shows both sides that the connection lives, ms. */
const BEAT_MS = 15_000;

/** What the first line tells beside the client's number. */
export type Hello = Omit<Extract<ServeLine, { type: 'hello' }>, 'type' | 'client'>;

/** The open pages: each holds one answer without end, to which lines are written. */
export class EventClients implements Disposable {
  readonly #streams = new Map<number, ServerResponse>();
  readonly #onGone: (client: number) => void;
  readonly #beat: NodeJS.Timeout;
  #lastClient = 0;
  #dropped = 0;

  constructor(onGone: (client: number) => void) {
    this.#onGone = onGone;
    this.#beat = setInterval(() => this.broadcast({ type: 'beat' }), BEAT_MS);
    this.#beat.unref();
  }

  /** Pages that were let go because they did not read. */
  get dropped(): number {
    return this.#dropped;
  }

  has(client: number): boolean {
    return this.#streams.has(client);
  }

  /** Takes an answer whose head is still to be written. False: there are too many pages. */
  add(response: ServerResponse, headers: Record<string, string>, hello: Hello): boolean {
    if (this.#streams.size >= MAX_CLIENTS) return false;
    const client = ++this.#lastClient;
    this.#streams.set(client, response);
    response.once('close', () => {
      this.#streams.delete(client);
      this.#onGone(client);
    });
    response.writeHead(200, { ...headers, 'content-type': 'application/x-ndjson' });
    this.#write(response, { type: 'hello', client, ...hello });
    return true;
  }

  broadcast(line: ServeLine): void {
    for (const response of this.#streams.values()) this.#write(response, line);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#beat);
    for (const response of this.#streams.values()) response.end();
  }

  #write(response: ServerResponse, line: ServeLine): void {
    response.write(`${messageToText(line)}\n`);
    if (response.writableLength <= MAX_BACKLOG) return;
    this.#dropped++;
    response.destroy();
  }
}
