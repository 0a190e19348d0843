import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Bytes of the key that opens the served page: nobody guesses 256 bits. */
const TOKEN_BYTES = 32;

/** A new key, in letters that an address may hold. */
export const makeToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

/** What is looked at before anything else of a request is. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly headers: {
    readonly host?: string | undefined;
    readonly origin?: string | undefined;
    readonly authorization?: string | undefined;
    readonly 'sec-fetch-site'?: string | string[] | undefined;
    readonly 'content-type'?: string | undefined;
  };
}

/**
 * page: the page's own files, which hold nothing secret.
 * read: session data and events.
 * act: everything that does something.
 */
export type AccessKind = 'page' | 'read' | 'act';

/** Why a request is not answered; a status of RFC 9110 and a sentence. */
export interface Refusal {
  readonly status: 401 | 403 | 405 | 415 | 421;
  readonly text: string;
}

/**
 * Who may ask. Any web page that the person has open can send requests to this port, and any user of this
 * machine can connect to it: neither the sender's address nor a cookie (which browsers share between ports)
 * says who asks.
 */
export class AccessRules {
  readonly #host: string;
  readonly #tokenHash: Buffer;

  constructor(port: number, token: string) {
    this.#host = `127.0.0.1:${port}`;
    this.#tokenHash = hashOf(token);
  }

  /** Null: it may. */
  refuse({ method, headers }: RequestHead, kind: AccessKind): Refusal | null {
    return (
      this.#refuseHost(headers.host) ??
      this.#refuseForeignPage(headers, kind) ??
      refuseMethod(method, kind) ??
      (kind === 'page' ? null : this.#refuseToken(headers.authorization)) ??
      (kind === 'act' ? refuseType(headers['content-type']) : null)
    );
  }

  /**
   * A name that an attacker's server resolves to 127.0.0.1 (DNS rebinding) makes his page same-origin with us,
   * but stands in Host.
   */
  #refuseHost(host: string | undefined): Refusal | null {
    if (host === this.#host) return null;
    return { status: 421, text: `Only http://${this.#host} is served here.` };
  }

  /** Pages of other origins, other ports of this machine among them (Fetch Metadata, RFC 6454). */
  #refuseForeignPage(headers: RequestHead['headers'], kind: AccessKind): Refusal | null {
    const { origin, 'sec-fetch-site': site } = headers;
    // "none": the person typed or pasted the address. Old browsers and programs send nothing.
    const sites = kind === 'page' ? ['same-origin', 'none', undefined] : ['same-origin', undefined];
    const isOwnOrigin = origin === `http://${this.#host}`;
    const isAllowed = isOwnOrigin || (origin === undefined && kind !== 'act');
    if (sites.some((allowed) => allowed === site) && isAllowed) return null;
    return {
      status: 403,
      text: 'Other pages may not ask here. Paste the address into the address bar instead of following a link.',
    };
  }

  #refuseToken(authorization: string | undefined): Refusal | null {
    const given = /^Bearer ([\w-]{1,200})$/.exec(authorization ?? '')?.[1] ?? '';
    // Hashes are of one length, and take the same time to compare wherever they differ.
    if (timingSafeEqual(hashOf(given), this.#tokenHash)) return null;
    return { status: 401, text: 'The key is missing or not valid here.' };
  }
}

function refuseMethod(method: string | undefined, kind: AccessKind): Refusal | null {
  if (method === (kind === 'act' ? 'POST' : 'GET')) return null;
  return { status: 405, text: 'This is not how to ask for it.' };
}

/** A form of another page can send text, not JSON (Fetch, "CORS-safelisted request-header"). */
function refuseType(type: string | undefined): Refusal | null {
  if (type === 'application/json') return null;
  return { status: 415, text: 'Requests are application/json.' };
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
