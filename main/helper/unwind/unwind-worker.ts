import { parentPort, workerData } from 'node:worker_threads';
import type { ProfilerError } from '#shared/errors.ts';
import { UNWIND_STOPS } from '#shared/model/unwind-stop.ts';
import { ok, type Result } from '#shared/result.ts';
import { MappedMemory } from '../../bpf/mapped-memory.ts';
import { RingBufferReader } from '../../bpf/ring-buffer.ts';
import { forEachRecord } from '../../bpf/ring-walk.ts';
import {
  UNWIND_LIMITS,
  UNWIND_MAPPING,
  UNWIND_PAGE,
  UNWIND_REQUEST,
  UNWIND_RULE,
} from '../../capture/wire/records.ts';
import { watchReadable } from '../../ffi/koffi.ts';
import { libbpf } from '../../ffi/libbpf.ts';
import { PERF_TRAMPOLINE_RULE } from '../../unwind/known-rules.ts';
import { listProcesses, readStatus } from '../proc-files.ts';
import { CHUNK_BYTES, ChunkMaps } from './chunk-maps.ts';
import { ImageTables } from './image-tables.ts';
import { MappingSlots } from './mapping-slots.ts';
import { ProcessEntries } from './process-entries.ts';
import { RowStore } from './row-store.ts';
import { RuleBook } from './rule-book.ts';
import { SpooledTables } from './table-spool.ts';
import { UnwindLoader } from './unwind-loader.ts';
import type { FromUnwind, UnwindSetup, UnwindTableStats } from './unwind-messages.ts';

/**
 * The unwind thread: does what the programs ask for, as soon as they ask, whatever the other threads
 * are busy with. Reading an image it has not seen before takes some milliseconds per MB of code.
 */

/** Kernel memory that tables may take, bytes. */
const BUDGET_BYTES = 256 << 20;
const STATS_PERIOD_MS = 500;
const SWEEP_PERIOD_MS = 5000;
/** The recording begins after this long at the latest, ms, even if tables are still missing. */
const PRELOAD_LIMIT_MS = 1000;

/** Processes that want a CPU at this moment: the first ones a sample will meet. */
const runningNow = (): number[] =>
  listProcesses().filter((pid) => pid !== process.pid && readStatus(pid)?.state === 'R');

class UnwindThread {
  readonly #ring: RingBufferReader;
  readonly #loader: UnwindLoader;
  readonly #images: ImageTables;
  readonly #store: RowStore;
  #areStatsDue = false;
  #lastStats = '';

  private constructor(
    ring: RingBufferReader,
    parts: { entries: ProcessEntries; slots: MappingSlots; images: ImageTables; store: RowStore },
  ) {
    this.#ring = ring;
    this.#loader = new UnwindLoader(parts.entries, parts.slots, parts.images, () => {
      this.#tellStatsSoon();
    });
    this.#images = parts.images;
    this.#store = parts.store;
  }

  static open({ maps, tables }: UnwindSetup): Result<UnwindThread, ProfilerError> {
    const library = libbpf();
    if (!library.ok) return library;
    const ring = RingBufferReader.map(maps.wanted, UNWIND_LIMITS.wantedBytes);
    if (!ring.ok) return ring;
    const memories: MappedMemory[] = [];
    for (const [fd, entries, size, name] of [
      [maps.rules, UNWIND_LIMITS.rules, UNWIND_RULE.size, 'unwind rules'],
      [maps.pages, UNWIND_LIMITS.pages, UNWIND_PAGE.size, 'unwind pages'],
      [maps.mappings, UNWIND_LIMITS.mappings, UNWIND_MAPPING.size, 'unwind mappings'],
    ] as const) {
      const memory = MappedMemory.map(
        fd,
        { offset: 0, length: entries * size, writable: true },
        name,
      );
      if (!memory.ok) return memory;
      memories.push(memory.value);
    }
    const [rules, pages, mappings] = memories as [MappedMemory, MappedMemory, MappedMemory];
    const book = new RuleBook(rules);
    const chunks = new ChunkMaps(maps.chunks);
    const store = new RowStore(book, pages, {
      createChunk: (index) => chunks.create(index),
      maxChunks: Math.min(UNWIND_LIMITS.chunks, BUDGET_BYTES / CHUNK_BYTES),
    });
    const images = new ImageTables(store, tables === null ? null : new SpooledTables(tables));
    const slots = new MappingSlots(mappings, images, book.indexOf(PERF_TRAMPOLINE_RULE));
    const entries = new ProcessEntries(library.value, maps.processes);
    return ok(new UnwindThread(ring.value, { entries, slots, images, store }));
  }

  /** Loads what the target has mapped already. */
  preload({ target }: UnwindSetup): void {
    const deadline = performance.now() + PRELOAD_LIMIT_MS;
    for (const pid of target.kind === 'process' ? target.members : runningNow()) {
      if (performance.now() < deadline) this.#loader.refresh(pid);
    }
    while (performance.now() < deadline && this.#loader.loadNext());
  }

  run(wantedFd: number): void {
    watchReadable(wantedFd, () => this.#takeRequests());
    setInterval(() => this.#loader.sweep(), SWEEP_PERIOD_MS);
    this.#takeRequests();
    this.#tellStats();
  }

  #takeRequests(): void {
    const { tgid, reason } = UNWIND_REQUEST.fields;
    const complete = UNWIND_STOPS.indexOf('complete');
    const execs = new Set<number>();
    const others = new Set<number>();
    for (let length = this.#ring.take(); length > 0; length = this.#ring.take()) {
      const view = new DataView(this.#ring.span.buffer, this.#ring.span.byteOffset, length);
      forEachRecord(view, length, (offset, bytes) => {
        if (bytes !== UNWIND_REQUEST.size) return;
        const isExec = view.getUint32(offset + reason, true) === complete;
        (isExec ? execs : others).add(view.getUint32(offset + tgid, true));
      });
      this.#ring.publish();
    }
    for (const pid of execs) this.#loader.onExec(pid);
    for (const pid of others) if (!execs.has(pid)) this.#loader.onUnknownCode(pid);
  }

  #stats(): UnwindTableStats {
    return {
      tables: this.#images.count('loaded'),
      tableBytes: this.#store.bytes,
      budgetBytes: BUDGET_BYTES,
      pending: this.#images.pending,
      overBudget: this.#images.count('refused') + this.#loader.refused,
      failed: this.#images.count('none') + this.#images.count('unreadable'),
    };
  }

  /** While nothing changes, nobody is woken. */
  #tellStatsSoon(): void {
    if (this.#areStatsDue) return;
    this.#areStatsDue = true;
    setTimeout(() => this.#tellStats(), STATS_PERIOD_MS);
  }

  #tellStats(): void {
    this.#areStatsDue = false;
    const stats = this.#stats();
    const text = JSON.stringify(stats);
    if (text !== this.#lastStats) post({ kind: 'stats', stats });
    this.#lastStats = text;
  }
}

function post(message: FromUnwind): void {
  parentPort?.postMessage(message);
}

function run(): void {
  const setup = workerData as UnwindSetup;
  const opened = UnwindThread.open(setup);
  if (!opened.ok) {
    post({ kind: 'failed', error: opened.error });
    return;
  }
  opened.value.preload(setup);
  opened.value.run(setup.maps.wanted);
  post({ kind: 'ready' });
}

run();
