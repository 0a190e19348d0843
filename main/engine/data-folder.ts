import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import { dataPath } from '#shared/data-path.ts';

/** Where this user's recordings and settings live; made on first use, for this user alone. */
export class DataFolder {
  readonly path: string;
  /** Recordings not saved elsewhere yet. */
  readonly recordings: string;
  readonly recentsFile: string;

  /** `path` null: the usual one of this user. */
  constructor(path: string | null) {
    this.path = path ?? dataPath(process.env, homedir());
    this.recordings = join(this.path, 'recordings');
    this.recentsFile = join(this.path, 'recents.json');
    // Recordings tell what ran on the machine: nobody else's business.
    mkdirSync(this.recordings, { recursive: true, mode: 0o700 });
  }

  /** Whether the session was made by this app and not saved elsewhere yet. */
  isUnsaved(path: string): boolean {
    return path.startsWith(this.recordings + sep);
  }
}
