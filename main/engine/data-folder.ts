import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';

/** Where this user's recordings and settings live; made on first use, for this user alone. */
export class DataFolder {
  readonly path: string;
  /** Recordings not saved elsewhere yet. */
  readonly recordings: string;
  readonly recentsFile: string;

  /** `path` null: EMBERSCOPE_DATA, else emberscope below XDG_DATA_HOME. */
  constructor(path: string | null) {
    this.path = path ?? defaultFolder();
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

function defaultFolder(): string {
  const named = process.env['EMBERSCOPE_DATA'];
  if (named !== undefined && named !== '') return named;
  const share = process.env['XDG_DATA_HOME'];
  // The XDG base directory specification: a relative path counts as unset.
  const base = share?.startsWith('/') === true ? share : join(homedir(), '.local', 'share');
  return join(base, 'emberscope');
}
