import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';

import type { ProfilerError } from '#shared/errors.ts';
import type { OpenSession } from '#shared/ipc/contract.ts';
import { cursorFromText, encodeDelta } from '#shared/model/table-codec.ts';
import { err, ok, type Result } from '#shared/result.ts';

import { fileIdentity, isOpenHere } from '../store/connection.ts';
import { isHeld } from '../store/file-locks.ts';
import { SessionReader } from '../store/session-reader.ts';
import { COMPANIONS } from '../store/session-writer.ts';
import { copyVerified } from './atomic-file.ts';
import type { DataFolder } from './data-folder.ts';

interface Held {
  readonly path: string;
  readonly reader: SessionReader;
  readonly recovered: boolean;
}

/** The sessions the engine holds open, by id. Ids are never reused. */
export class OpenSessions {
  readonly #folder: DataFolder;
  readonly #held = new Map<number, Held>();
  #nextId = 1;

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  /** Opens a file; the same file twice is the same session. */
  async open(path: string): Promise<Result<OpenSession, ProfilerError>> {
    const known = [...this.#held].find(([, held]) => held.path === path);
    if (known !== undefined) return this.describe(known[0]);
    const held = await openHeld(path);
    if (!held.ok) return held;
    const id = this.#nextId++;
    this.#held.set(id, held.value);
    return this.describe(id);
  }

  /** What the window needs to know of an open session, as of now. */
  async describe(id: number): Promise<Result<OpenSession, ProfilerError>> {
    const held = this.#held.get(id);
    if (held === undefined) return err({ kind: 'session-not-open', id });
    const info = await held.reader.info();
    if (!info.ok) return info;
    const { path, recovered } = held;
    const unsaved = this.#folder.isUnsaved(path);
    return ok({ id, path, info: info.value, recovered, unsaved });
  }

  reader(id: number): Result<SessionReader, ProfilerError> {
    const held = this.#held.get(id);
    return held === undefined ? err({ kind: 'session-not-open', id }) : ok(held.reader);
  }

  /** The rows beyond a cursor, encoded for the page (table-codec.ts). */
  async deltaBytes(id: number, cursorText: string): Promise<Result<Uint8Array, ProfilerError>> {
    const reader = this.reader(id);
    if (!reader.ok) return reader;
    const cursor = cursorFromText(cursorText);
    if (cursor === null) {
      return err({ kind: 'request-invalid', channel: 'data', reason: `cursor "${cursorText}"` });
    }
    const delta = await reader.value.delta(cursor);
    return delta.ok ? ok(encodeDelta(delta.value)) : delta;
  }

  async close(id: number): Promise<Result<null, ProfilerError>> {
    const held = this.#held.get(id);
    if (held === undefined) return err({ kind: 'session-not-open', id });
    this.#held.delete(id);
    await held.reader.close();
    return ok(null);
  }

  async closeAll(): Promise<void> {
    for (const id of [...this.#held.keys()]) await this.close(id);
  }

  /**
   * Puts a copy of the file at `path` and reads on from there under the same id. A recording of
   * this app that had no place of its own is moved: its first file goes once the copy is proven.
   */
  async saveAs(id: number, path: string): Promise<Result<OpenSession, ProfilerError>> {
    const held = this.#held.get(id);
    if (held === undefined) return err({ kind: 'session-not-open', id });
    if (held.path === path) return this.describe(id);
    const refused = await this.#whyNotReplaced(path);
    if (refused !== null) return err({ kind: 'output-unwritable', path, reason: refused });
    const info = await held.reader.info();
    if (!info.ok) return info;
    // By whomever: a file that grows cannot be copied as one.
    if (info.value.state === 'recording') return err({ kind: 'capture-busy' });
    // Closing first: SQLite's locks are lost when this process closes the file through another door.
    await held.reader.close();
    const copied = await copySession(held.path, path);
    const reopened = await openHeld(copied.ok ? path : held.path);
    if (!reopened.ok) {
      this.#held.delete(id);
      return reopened;
    }
    this.#held.set(id, { ...reopened.value, recovered: held.recovered });
    if (!copied.ok) return copied;
    if (this.#folder.isUnsaved(held.path)) await removeSession(held.path);
    return this.describe(id);
  }

  /** Why a file must not be taken the place of; null: it may, or there is none. */
  async #whyNotReplaced(path: string): Promise<string | null> {
    // A live session is open here only for moments, and one file has many names.
    const identity = fileIdentity(path);
    if (identity === null) return null;
    const isOpen = [...this.#held.values()].some((held) => fileIdentity(held.path) === identity);
    if (isOpen || isOpenHere(path)) return 'this session is open here';
    return (await isHeld(path)) ? 'it is open in another program' : null;
  }
}

async function openHeld(path: string): Promise<Result<Held, ProfilerError>> {
  const opened = await SessionReader.open(path);
  return opened.ok ? ok({ path, ...opened.value }) : opened;
}

/**
 * The file with what its dead writer left beside it. What lies beside an old file of that name would
 * be taken for part of the new one: it goes.
 */
function copySession(source: string, path: string): Promise<Result<null, ProfilerError>> {
  const parts = COMPANIONS.filter((suffix) => suffix !== '-shm' && existsSync(source + suffix));
  return copyVerified(
    ['', ...parts].map((suffix) => ({ source: source + suffix, path: path + suffix })),
    COMPANIONS.map((suffix) => path + suffix),
  );
}

async function removeSession(path: string): Promise<void> {
  for (const suffix of ['', ...COMPANIONS]) await rm(path + suffix, { force: true });
}
