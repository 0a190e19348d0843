import {
  messageFromText,
  messageToText,
  SERVE_PATHS,
  type ServeCall,
  type ServeLine,
} from '#shared/ipc/serve-contract.ts';
import { err, ok, type Result } from '#shared/result.ts';

/** A line of the event stream is a progress report of some kB; more than this is no line of ours, characters. */
const MAX_LINE = 2 ** 20;

/** Why an event stream ended or did not begin. */
export interface StreamEnd {
  /** For people. */
  readonly reason: string;
  /** full: as many pages are open as can be. Trying again helps but where this page is refused. */
  readonly what: 'lost' | 'full' | 'refused';
}

/** Requests to the server, each with the key. */
export class ServeConnection {
  private readonly headers: Readonly<Record<string, string>>;

  constructor(authorization: string) {
    this.headers = { authorization };
  }

  /** The text of a server's refusal, or of the browser's when nobody answered, is the error. */
  async call(call: ServeCall): Promise<Result<unknown, string>> {
    return this.post(SERVE_PATHS.call, call);
  }

  async post(path: string, body: unknown): Promise<Result<unknown, string>> {
    try {
      const response = await fetch(path, {
        method: 'POST',
        headers: { ...this.headers, 'content-type': 'application/json' },
        body: messageToText(body),
      });
      const text = await response.text();
      return response.ok ? ok(messageFromText(text)) : err(text.trim());
    } catch (cause) {
      return err(String(cause));
    }
  }

  /** Hands over the lines of the event stream until it ends. */
  async listen(take: (line: ServeLine) => void): Promise<StreamEnd> {
    try {
      const response = await fetch(SERVE_PATHS.events, { headers: this.headers });
      if (!response.ok || response.body === null) {
        const reason = (await response.text()).trim();
        return { reason, what: response.status === 503 ? 'full' : 'refused' };
      }
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { reason: '"emberscope serve" ended the connection', what: 'lost' };
        const lines = (rest + value).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_LINE) throw new Error('a line without end');
        for (const line of lines) take(messageFromText(line) as ServeLine);
      }
    } catch (cause) {
      return { reason: `"emberscope serve" does not answer (${String(cause)})`, what: 'lost' };
    }
  }
}
