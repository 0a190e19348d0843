import type { HostFacts } from '#shared/model/session-info.ts';
import { IMAGE_KINDS, type ImageKind } from '#shared/model/session-tables.ts';
import { runtimeIdentity } from '#shared/text/runtime-names.ts';
import { readNumbers, readTexts } from './column-query.ts';
import type { Connection } from './connection.ts';
import { metaFromRows } from './meta.ts';
import { undamaged } from './store-failure.ts';

/** What is known of an image besides its number. */
export interface StoredImage {
  readonly kind: ImageKind;
  readonly path: string;
  readonly buildId: string;
  readonly fileIdentity: string;
}

/** A life of a process that had an image mapped. */
export interface StoredProcess {
  readonly pid: number;
  /** ns since session start; negative: before it. */
  readonly startNs: number;
  readonly uid: number;
}

/** Symbols by row, as SymbolColumns, and where each frame's latest begin. */
export interface StoredSymbols {
  readonly length: number;
  readonly frame: Int32Array;
  readonly depth: Int32Array;
  readonly function: Int32Array;
  readonly file: Int32Array;
  readonly line: Int32Array;
  /** By frame: row of its latest symbol of depth 0; -1: it has none. */
  readonly latest: Int32Array;
}

/** Everything that giving names to a recorded session needs; columns by row id. Grows with what is added. */
export interface StoredCode {
  readonly images: StoredImage[];
  /** Image → what is said to be missing of it (encodeImageProblem). */
  readonly problems: Map<number, string>;
  /** Processes by image, latest life first. */
  readonly usersOf: ReadonlyMap<number, readonly StoredProcess[]>;
  readonly frames: {
    readonly length: number;
    readonly image: Int32Array;
    readonly offset: Float64Array;
    /** Weight of samples that ended in it. */
    readonly hits: Float64Array;
  };
  readonly symbols: StoredSymbols;
  readonly functions: FunctionIndex;
  readonly sourceFiles: Map<string, number>;
  readonly host: HostFacts;
  /** Wall-clock times of the recording, ms since 1970. */
  readonly startedMs: number;
  readonly endedMs: number;
}

/** How many rows the tables have that StoredCode is made of. */
export interface CodeCounts {
  readonly images: number;
  readonly frames: number;
  readonly functions: number;
  readonly sourceFiles: number;
  readonly symbols: number;
}

/**
 * Functions by image, start and name; those of generated code by what the runtime means by the name,
 * wherever it was put. One that is known only as inlined (start -1) becomes the one with
 * code of that name when such comes, and stands for it the other way round.
 */
export class FunctionIndex {
  readonly #images: readonly StoredImage[];
  readonly #byKey = new Map<string, number>();
  /** Rows that are known only as inlined. */
  readonly #unplaced = new Set<number>();
  /** Rows that say where a function begins, and no name. */
  readonly #nameless = new Set<number>();
  #length = 0;

  /** `images` may grow. */
  constructor(images: readonly StoredImage[]) {
    this.#images = images;
  }

  /** Rows there are. */
  get length(): number {
    return this.#length;
  }

  /** The row of a function; null: it is new, and gets the next row by add(). */
  find(image: number, startOffset: number, rawName: string): number | null {
    const key = this.#keyOf(image, startOffset, rawName);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const inlined = this.#byKey.get(this.#keyOf(image, -1, rawName));
    if (inlined === undefined || !this.#unplaced.delete(inlined)) return null;
    this.#byKey.set(key, inlined);
    return inlined;
  }

  add(image: number, startOffset: number, rawName: string): number {
    const row = this.#length++;
    this.#byKey.set(this.#keyOf(image, startOffset, rawName), row);
    const anywhere = this.#keyOf(image, -1, rawName);
    if (rawName === '') this.#nameless.add(row);
    if (startOffset < 0) this.#unplaced.add(row);
    else if (!this.#byKey.has(anywhere)) this.#byKey.set(anywhere, row);
    return row;
  }

  /** Whether a row only says where its function begins. */
  isNameless(row: number): boolean {
    return this.#nameless.has(row);
  }

  #keyOf(image: number, startOffset: number, rawName: string): string {
    const isGenerated = this.#images[image]?.kind === 'jit';
    return isGenerated
      ? `${image}:${runtimeIdentity(rawName)}`
      : `${image}:${startOffset}:${rawName}`;
  }
}

/** Reads all of it; the caller's transaction keeps the file still meanwhile. */
export async function readCode(connection: Connection, counts: CodeCounts): Promise<StoredCode> {
  const images = await readImages(connection, counts.images);
  const rows = await connection.all('SELECT key, value FROM meta');
  const meta = metaFromRows(new Map(rows.map((row) => [String(row['key']), String(row['value'])])));
  const startedMs = Date.parse(meta.startedAt);
  undamaged(Number.isFinite(startedMs), 'meta "started_at" is no time');
  const problems = await connection.all('SELECT image, problem FROM image_problem');
  const { host } = meta;
  return {
    images,
    problems: new Map(problems.map((row) => [Number(row['image']), String(row['problem'])])),
    usersOf: await readUsers(connection, images),
    frames: await readFrames(connection, counts),
    symbols: await readSymbols(connection, counts),
    functions: await readFunctions(connection, counts.functions, images),
    sourceFiles: await readSourceFiles(connection, counts.sourceFiles),
    ...{ host, startedMs, endedMs: startedMs + meta.endNs / 1e6 },
  };
}

async function readImages(connection: Connection, to: number): Promise<StoredImage[]> {
  const range = { table: 'image', from: 0, to };
  const kinds = new Int32Array(to);
  await readNumbers(connection, range, [{ sql: 'kind', into: kinds }]);
  const columns = ['path', 'build_id', 'file_identity'];
  const [path = [], buildId = [], fileIdentity = []] = await readTexts(connection, range, columns);
  return path.map((text, row) => {
    const kind = IMAGE_KINDS[kinds[row]!];
    undamaged(kind !== undefined, 'image.kind is no kind');
    return { kind, path: text, buildId: buildId[row]!, fileIdentity: fileIdentity[row]! };
  });
}

async function readUsers(
  connection: Connection,
  images: readonly StoredImage[],
): Promise<ReadonlyMap<number, readonly StoredProcess[]>> {
  const users = new Map<number, StoredProcess[]>();
  const rows = await connection.all(
    `SELECT DISTINCT mapping.image, process.id, process.pid, process.start_ns, process.uid
     FROM mapping JOIN process ON process.id = mapping.process ORDER BY process.id DESC`,
  );
  for (const row of rows) {
    const [image, pid, startNs, uid] = ['image', 'pid', 'start_ns', 'uid'].map((column) =>
      Number(row[column]),
    );
    const isSound = [image, pid, startNs, uid].every(Number.isSafeInteger);
    undamaged(isSound && images[image!] !== undefined, 'mapping names no image or no process');
    const known = users.get(image!);
    const user = { pid: pid!, startNs: startNs!, uid: uid! };
    if (known === undefined) users.set(image!, [user]);
    else known.push(user);
  }
  return users;
}

async function readFrames(
  connection: Connection,
  { frames: length, images }: CodeCounts,
): Promise<StoredCode['frames']> {
  const image = new Int32Array(length);
  const offset = new Float64Array(length);
  await readNumbers(connection, { table: 'frame', from: 0, to: length }, [
    { sql: 'image', into: image },
    { sql: 'offset', into: offset },
  ]);
  within(image, images, 'frame.image');
  const hits = new Float64Array(length);
  const leaves = await connection.all(
    `SELECT stack.frame AS frame, sum(stack_total.weight) AS weight
     FROM stack_total JOIN stack ON stack.id = stack_total.stack GROUP BY stack.frame`,
  );
  for (const { frame, weight } of leaves) hits[Number(frame)] = Number(weight);
  return { length, image, offset, hits };
}

async function readSymbols(
  connection: Connection,
  { symbols: length, frames }: CodeCounts,
): Promise<StoredSymbols> {
  const column = (): Int32Array => new Int32Array(length);
  const found = {
    ...{ frame: column(), depth: column(), function: column() },
    ...{ file: column(), line: column() },
  };
  await readNumbers(connection, { table: 'symbol', from: 0, to: length }, [
    { sql: 'frame', into: found.frame },
    { sql: 'depth', into: found.depth },
    { sql: 'function', into: found.function },
    { sql: 'coalesce(file, -1)', into: found.file },
    { sql: 'coalesce(line, 0)', into: found.line },
  ]);
  within(found.frame, frames, 'symbol.frame');
  const latest = new Int32Array(frames).fill(-1);
  for (let row = 0; row < length; row++) {
    if (found.depth[row] === 0) latest[found.frame[row]!] = row;
  }
  return { length, ...found, latest };
}

async function readFunctions(
  connection: Connection,
  to: number,
  images: readonly StoredImage[],
): Promise<FunctionIndex> {
  const range = { table: 'function', from: 0, to };
  const image = new Int32Array(to);
  const start = new Float64Array(to);
  await readNumbers(connection, range, [
    { sql: 'image', into: image },
    { sql: 'start_offset', into: start },
  ]);
  const [rawName = []] = await readTexts(connection, range, ['raw_name']);
  const index = new FunctionIndex(images);
  rawName.forEach((name, row) => index.add(image[row]!, start[row]!, name));
  return index;
}

async function readSourceFiles(connection: Connection, to: number): Promise<Map<string, number>> {
  const range = { table: 'source_file', from: 0, to };
  const [path = []] = await readTexts(connection, range, ['path']);
  return new Map(path.map((text, row) => [text, row]));
}

/** Throws DamageFound unless every value is a row of a table of that length. */
function within(column: Int32Array, length: number, what: string): void {
  const isSound = column.every((row) => row >= 0 && row < length);
  undamaged(isSound, `${what} names a row that is not there`);
}
