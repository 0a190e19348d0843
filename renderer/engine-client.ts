import type { ProfilerError } from '#shared/errors.ts';
import type {
  Channel,
  EngineEvent,
  PortMessage,
  PortRequest,
  RequestOf,
  ResponseOf,
} from '#shared/ipc/contract.ts';
import { err, type Result } from '#shared/result.ts';

type Answer<C extends Channel> = Result<ResponseOf<C>, ProfilerError>;

/**
 * Asks the engine over its message port. Requests made before the port arrives wait for it; requests
 * under way when the engine is lost are answered with that error, so nothing waits for ever.
 */
export class EngineClient {
  private port: MessagePort | null = null;
  private nextCall = 1;
  private readonly waiting = new Map<number, (result: Result<unknown, ProfilerError>) => void>();
  private readonly early: PortRequest[] = [];
  private lostDetail: string | null = null;
  private readonly listen: (event: EngineEvent) => void;

  constructor(listen: (event: EngineEvent) => void) {
    this.listen = listen;
  }

  /** Takes the engine's port; an older one is closed. */
  connect(port: MessagePort): void {
    this.port?.close();
    this.port = port;
    this.lostDetail = null;
    port.onmessage = (event: MessageEvent<PortMessage>) => this.receive(event.data);
    for (const request of this.early.splice(0)) port.postMessage(request);
  }

  /** The engine is gone: every open request fails now, later ones at once. */
  lose(detail: string): void {
    this.port?.close();
    this.port = null;
    this.lostDetail = detail;
    this.early.length = 0;
    const open = [...this.waiting.values()];
    this.waiting.clear();
    for (const answer of open) answer(err({ kind: 'engine-lost', detail }));
  }

  ask<C extends Channel>(channel: C, request: RequestOf<C>): Promise<Answer<C>> {
    if (this.lostDetail !== null) {
      return Promise.resolve(err({ kind: 'engine-lost', detail: this.lostDetail }));
    }
    const call = this.nextCall++;
    const message: PortRequest = { call, channel, request };
    return new Promise((resolve) => {
      this.waiting.set(call, (result) => resolve(result as Answer<C>));
      if (this.port === null) this.early.push(message);
      else this.port.postMessage(message);
    });
  }

  private receive(message: PortMessage): void {
    if ('event' in message) {
      this.listen(message);
      return;
    }
    const answer = this.waiting.get(message.call);
    this.waiting.delete(message.call);
    answer?.(message.result);
  }
}
