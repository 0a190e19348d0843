import { existsSync, readFileSync } from 'node:fs';
import * as z from 'zod';

import type { RecentSession } from '#shared/ipc/contract.ts';
import type { SessionInfo } from '#shared/model/session-info.ts';
import { formatElapsed, formatQuantity } from '#shared/text/format-value.ts';
import { describeTarget } from '#shared/text/target-text.ts';

import { writeTextAtomically } from './atomic-file.ts';
import { complain } from './complain.ts';
import type { DataFolder } from './data-folder.ts';

/** Entries kept: more than a start page shows, few enough to check each for existence. */
const MAX_RECENTS = 30;

const fileSchema = z.object({
  version: z.literal(1),
  sessions: z.array(z.object({ path: z.string(), openedAt: z.string(), summary: z.string() })),
});
type Entry = z.infer<typeof fileSchema>['sessions'][number];

/** Sessions opened lately, newest first, in a small file of the data folder. */
export class Recents {
  readonly #folder: DataFolder;
  #entries: readonly Entry[];
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: DataFolder) {
    this.#folder = folder;
    this.#entries = readEntries(folder.recentsFile);
  }

  list(): readonly RecentSession[] {
    return this.#entries.map((entry) => ({
      ...entry,
      exists: existsSync(entry.path),
      unsaved: this.#folder.isUnsaved(entry.path),
    }));
  }

  /** Puts the session on top. */
  add(path: string, info: SessionInfo, now = new Date()): Promise<void> {
    const entry = { path, openedAt: now.toISOString(), summary: summaryOf(info) };
    return this.#replace([entry, ...this.#without(path)].slice(0, MAX_RECENTS));
  }

  /** Drops the entry; the file is not touched. */
  forget(path: string): Promise<void> {
    return this.#replace(this.#without(path));
  }

  #without(path: string): Entry[] {
    return this.#entries.filter((entry) => entry.path !== path);
  }

  #replace(entries: readonly Entry[]): Promise<void> {
    this.#entries = entries;
    const text = JSON.stringify({ version: 1, sessions: entries }, null, 2);
    // One write after the other: the last state wins. The list is a convenience: if it cannot be
    // written (disk full), this session of the app still has it.
    this.#writing = this.#writing
      .then(() => writeTextAtomically(this.#folder.recentsFile, text))
      .catch((thrown: unknown) => {
        complain(`The list of recent sessions was not saved: ${String(thrown)}`);
      });
    return this.#writing;
  }
}

/** One line for the start page: target, length, samples. */
export function summaryOf(info: SessionInfo): string {
  const samples = formatQuantity(info.sampleCount, 'sample');
  return `${describeTarget(info.spec.target)}, ${formatElapsed(info.duration)}, ${samples}`;
}

/** A file that is absent or makes no sense is an empty list: it holds nothing of value. */
function readEntries(path: string): readonly Entry[] {
  if (!existsSync(path)) return [];
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).sessions;
  } catch (thrown) {
    complain(`The list of recent sessions was not readable: ${String(thrown)}`);
    return [];
  }
}
