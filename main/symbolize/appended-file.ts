import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../elf/byte-source.ts';

const CHUNK_BYTES = 1 << 20;
/** A process that ended, or a file that lost its name. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ESRCH']);

/** Who takes the bytes of a growing file. */
export interface AppendReader {
  /** What came next in the file. */
  add(bytes: Uint8Array): void;
  /** Another file stands there, or it was cut: it comes again from its first byte. */
  restart(): void;
}

/**
 * A file that a stranger appends to, in a folder that everybody may write: links are not followed,
 * pipes and devices not read, and nothing is kept open between two looks.
 */
export class AppendedFile {
  private readonly places: readonly string[];
  private readonly maxBytes: number;
  private position = 0;
  private inode = 0;

  /**
   * `places`: the file's path and others it may be reached by, once it is known: a path through a process
   * ends with the process. `maxBytes`: the file is read no further.
   */
  constructor(places: readonly string[], maxBytes: number) {
    this.places = places;
    this.maxBytes = maxBytes;
  }

  /**
   * Hands over what was appended since the last call, or all of it if the file was replaced or cut.
   * Null: done; else the errno name that says why the file cannot be read.
   */
  refresh(reader: AppendReader): string | null {
    let problem: string | null = 'ENOENT';
    for (const place of this.places) {
      problem = this.read(place, reader);
      const isGone = problem !== null && GONE.has(problem);
      if (!isGone || this.inode === 0) return problem;
    }
    return problem;
  }

  private read(place: string, reader: AppendReader): string | null {
    let descriptor = -1;
    try {
      const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
      descriptor = openSync(place, flags | constants.O_NOCTTY);
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) return 'EINVAL';
      if (place !== this.places[0] && stat.ino !== this.inode) return 'ENOENT';
      if (stat.ino !== this.inode || stat.size < this.position) {
        this.inode = stat.ino;
        this.position = 0;
        reader.restart();
      }
      this.readFrom(descriptor, Math.min(stat.size, this.maxBytes), reader);
      return null;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === null) throw error;
      return errno;
    } finally {
      if (descriptor >= 0) closeSync(descriptor);
    }
  }

  private readFrom(descriptor: number, size: number, reader: AppendReader): void {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, Math.max(0, size - this.position)));
    while (this.position < size) {
      const wanted = Math.min(chunk.length, size - this.position);
      const got = readSync(descriptor, chunk, 0, wanted, this.position);
      if (got === 0) return;
      this.position += got;
      reader.add(chunk.subarray(0, got));
    }
  }
}
