import type { Channel, OpenSession, PortMessage } from '#shared/ipc/contract.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { Engine } from '../engine/engine.ts';
import { portRequestSchema, type RawPortRequest } from '../engine/request-schemas.ts';
import { SessionHolders } from './session-holders.ts';

/** Requests under way at once, of all pages. */
const MAX_UNDER_WAY = 64;

/** A request that the engine does not get to see. */
export interface CallRefusal {
  readonly status: 400 | 409 | 503;
  readonly text: string;
}

/** Passes the pages' requests to the one engine, and keeps apart what belongs to which page. */
export class EngineCalls {
  readonly #engine: Pick<Engine, 'handle'>;
  readonly #isOpen: (client: number) => boolean;
  readonly #holders = new SessionHolders();
  #underWay = 0;
  #recording: string | null = null;

  /** `isOpen`: whether the page of this number is still there. */
  constructor(engine: Pick<Engine, 'handle'>, isOpen: (client: number) => boolean) {
    this.#engine = engine;
    this.#isOpen = isOpen;
  }

  /** File of the latest recording that a page started here; a page that is opened anew shows it. */
  get recording(): string | null {
    return this.#recording;
  }

  /** Answers a ServeCall as it came. */
  async answer(raw: unknown): Promise<Result<PortMessage, CallRefusal>> {
    const { client, request } = (raw ?? {}) as { client?: unknown; request?: unknown };
    const parsed = portRequestSchema.safeParse(request);
    if (!parsed.success || typeof client !== 'number') {
      return err({ status: 400, text: 'The request makes no sense.' });
    }
    if (!this.#isOpen(client)) return err({ status: 409, text: 'This page is not connected.' });
    if (this.#underWay >= MAX_UNDER_WAY) {
      return err({ status: 503, text: 'Too many requests are under way.' });
    }
    this.#underWay++;
    try {
      return ok(await this.#ask(client, parsed.data));
    } finally {
      this.#underWay--;
    }
  }

  /** The page is gone: what only it showed is closed. */
  forget(client: number): void {
    for (const id of this.#holders.releaseAll(client)) this.#close(id);
  }

  async #ask(client: number, request: RawPortRequest): Promise<PortMessage> {
    const { call, channel } = request;
    if (channel === ('session.close' satisfies Channel)) {
      const id = (request.request as { id?: unknown } | undefined)?.id;
      // Another page shows it: for this one it is closed.
      if (typeof id === 'number' && !this.#holders.release(id, client)) {
        return { call, result: ok(null) };
      }
    }
    const message = await this.#engine.handle(request);
    if ('result' in message && message.result.ok) this.#note(client, channel, message.result.value);
    return message;
  }

  #note(client: number, channel: string, value: unknown): void {
    const isOpening = channel === ('session.open' satisfies Channel);
    const isStarting = channel === ('capture.start' satisfies Channel);
    if (!isOpening && !isStarting) return;
    const { id, path } = value as OpenSession;
    if (isStarting) this.#recording = path;
    this.#holders.hold(id, client);
    // It may have gone while the file was being opened.
    if (!this.#isOpen(client)) this.forget(client);
  }

  /** A session that is being recorded stays open: the engine refuses. */
  #close(id: number): void {
    const channel = 'session.close' satisfies Channel;
    void this.#engine.handle({ call: 0, channel, request: { id } });
  }
}
