import type { PortMessage } from './contract.ts';

/**
 * How the page reaches the engine in serve mode, over HTTP on the loopback interface. The messages are those of
 * contract.ts; session rows come from dataUrl() as in the desktop app. Everything here needs the header
 * "Authorization: Bearer TOKEN".
 */
export const SERVE_PATHS = {
  /** GET: ServeLine values, one a line, for as long as the page lives. */
  events: '/serve/events',
  /** POST ServeCall: answered with a PortMessage. */
  call: '/serve/call',
  /** POST FolderRequest: answered with Result<FolderListing, string>. */
  folder: '/serve/folder',
} as const;

/** In the address's fragment, which browsers do not send: "#token=...". */
export const TOKEN_PARAMETER = 'token';

/** One line of the event stream. */
export type ServeLine =
  /** First: this page's number, what it should show at once, and the machine that is served. */
  | {
      readonly type: 'hello';
      readonly client: number;
      readonly open: string | null;
      readonly hostname: string;
      readonly home: string;
    }
  | { readonly type: 'message'; readonly message: PortMessage }
  /** Nothing happened for a while: shows that the connection lives. */
  | { readonly type: 'beat' };

/** A PortRequest of a page, which says by its number who asks. */
export interface ServeCall {
  readonly client: number;
  readonly request: unknown;
}

export interface FolderRequest {
  /** Absolute. */
  readonly path: string;
}

/** What a file dialog shows of a folder on the served machine. */
export interface FolderListing {
  readonly path: string;
  /** Null: this is the root. */
  readonly parent: string | null;
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** Entries beyond what is listed. */
  readonly more: number;
}

/** What JSON cannot say about a number. */
const SPECIAL = { NaN: Number.NaN, Infinity: Infinity, '-Infinity': -Infinity } as const;
const SPECIAL_KEY = '$number';

/** JSON text of a message. Unlike plain JSON it keeps NaN and infinities. */
export const messageToText = (message: unknown): string =>
  JSON.stringify(message, (_key, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? { [SPECIAL_KEY]: String(value) } : value,
  );

/** The message of a text made by messageToText(); throws a SyntaxError on anything that is no JSON. */
export const messageFromText = (text: string): unknown =>
  JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !(SPECIAL_KEY in value)) return value;
    const name = value[SPECIAL_KEY];
    return typeof name === 'string' && Object.hasOwn(SPECIAL, name)
      ? SPECIAL[name as keyof typeof SPECIAL]
      : value;
  }) as unknown;
