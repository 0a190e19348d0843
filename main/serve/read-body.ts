import type { IncomingMessage } from 'node:http';
import { err, ok, type Result } from '#shared/result.ts';

/** Largest request, bytes: a command line with all its arguments fits. */
export const MAX_BODY = 2 ** 20;

/** A request's JSON. The error is the status to answer with. */
export async function readJson(
  request: IncomingMessage,
): Promise<Result<unknown, { readonly status: 400 | 413; readonly text: string }>> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) return TOO_LARGE;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BODY) return TOO_LARGE;
      chunks.push(chunk);
    }
    return ok(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  } catch (cause) {
    // No JSON, or the sender went away in the middle.
    return err({ status: 400, text: String(cause) });
  }
}

const TOO_LARGE = err({ status: 413, text: `Requests are at most ${MAX_BODY} bytes.` } as const);
