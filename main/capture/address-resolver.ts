import { FRAME_KINDS, type ImageKind } from '#shared/model/session-tables.ts';
import { INCOMPLETE_IMAGE, UNWIND_STOPS, type UnwindStop } from '#shared/model/unwind-stop.ts';

import type { MappingRow } from '../store/session-batch.ts';
import { AddressMap } from './address-map.ts';
import type { Mapping } from './address-space.ts';
import type { FrameInterner } from './frame-interner.ts';
import {
  EARLY_KERNEL,
  EARLY_KERNEL_BASE_HIGH,
  type ImageIdentity,
  type ImageTable,
} from './image-table.ts';
import type { ProcessEntry } from './process-entry.ts';

const TWO_TO_32 = 2 ** 32;
/** From here on an address is no exact number, and no user address either: see Mapping. */
const FIRST_INEXACT_HIGH = 2 ** 21;
/** Enough live processes to find a file through; libc has hundreds. */
const MAX_USERS = 8;

/** The kernel's own symbol table, as far as an address needs it; KernelSymbols implements it. */
export interface KernelLocator {
  /** "[kernel]" or a module's name, and where in it. */
  locate(high: number, low: number): { readonly image: string; readonly offset: number };
  /** Name of the function at a place locate() gave; null: not known. */
  symbolAt(image: string, offset: number): { readonly name: string } | null;
}

/** What the kernel runs on the way to a BPF program: tracepoints, probes, trampolines. */
const PROBE_FRAME =
  /^(bpf_prog_|bpf_trace_run|__bpf_trace_|__traceiter_|bpf_trampoline_|bpf_get_stack|bpf_task_storage|trace_call_bpf|kprobe_|kretprobe_|arch_rethook|rethook_|__kretprobe|fprobe_|perf_trace_|perf_call_bpf|perf_syscall_|ftrace_|opt_pre_handler|optimized_callback|uprobe_|__uprobe)/;

type PartialIdentity = Pick<ImageIdentity, 'kind' | 'path'> & Partial<ImageIdentity>;

/** What the resolver needs to know of a mapped file that the kernel did not say. */
export type BuildIdLookup = (mapping: Mapping, pid: number) => string;

/**
 * Address → frame row. The usual case is one hash lookup per frame; only the first sight of an
 * address in an address space searches mappings.
 */
export class AddressResolver {
  readonly #images: ImageTable;
  readonly #frames: FrameInterner;
  readonly #buildIdOf: BuildIdLookup;
  readonly #kernelFrames = new AddressMap();
  /** 1 for addresses on the way to our own programs, 0 for others. */
  readonly #probes = new AddressMap();
  #kernel: KernelLocator | null = null;
  #unknownImage = -1;
  #newMappings: MappingRow[] = [];
  /** Image → rows of processes that had it mapped when sampled, oldest first, at most MAX_USERS. */
  readonly #users = new Map<number, number[]>();
  /** Build ids already looked up, by inode and path: a file is read once. */
  readonly #buildIds = new Map<string, string>();

  constructor(images: ImageTable, frames: FrameInterner, buildIdOf: BuildIdLookup) {
    this.#images = images;
    this.#frames = frames;
    this.#buildIdOf = buildIdOf;
  }

  /** From now on kernel addresses are placed by module; those seen before keep their place. */
  useKernel(kernel: KernelLocator): void {
    this.#kernel = kernel;
    this.#kernelFrames.clear();
  }

  /**
   * The frame of one address of a kernel stack. A caller's address is a return address, one past
   * the call: it is moved back by one so that it lies inside the call.
   */
  kernelFrame(high: number, low: number, isCaller: boolean): number {
    if (isCaller) {
      if (low === 0) high = (high - 1) >>> 0;
      low = (low - 1) >>> 0;
    }
    const known = this.#kernelFrames.get(high, low);
    if (known >= 0) return known;
    const frame = this.#placeKernel(high, low);
    this.#kernelFrames.set(high, low, frame);
    return frame;
  }

  /** The frame of one address of a user stack, in the mappings the process has now. */
  userFrame(entry: ProcessEntry, high: number, low: number, isCaller: boolean): number {
    if (isCaller) {
      if (low === 0) high = (high - 1) >>> 0;
      low = (low - 1) >>> 0;
    }
    const known = entry.space.frames.get(high, low);
    if (known >= 0) return known;
    // A broken frame-pointer chain yields any number; those that are no address share one frame.
    if (high >= FIRST_INEXACT_HIGH) return this.#unknownFrame(0);
    const address = high * TWO_TO_32 + low;
    const mapping = entry.space.find(address);
    if (mapping === null) return this.#unknownFrame(address);
    const frame = this.#placeUser(entry, mapping, address);
    entry.space.frames.set(high, low, frame);
    return frame;
  }

  /** Whether a return address in a kernel stack lies on the way to our own programs. */
  isProbe(high: number, low: number): boolean {
    const known = this.#probes.get(high, low);
    if (known >= 0) return known === 1;
    const kernel = this.#kernel;
    if (kernel === null) return false;
    const { image, offset } = kernel.locate(high, low);
    const name = offset < 0 ? '' : (kernel.symbolAt(image, offset - 1)?.name ?? '');
    const isProbe = PROBE_FRAME.test(name);
    this.#probes.set(high, low, isProbe ? 1 : 0);
    return isProbe;
  }

  /** The frame that stands at the root of a stack which ended for this reason. */
  incompleteFrame(stop: UnwindStop): number {
    const image = this.#image({ kind: 'unknown', path: INCOMPLETE_IMAGE });
    const kind = FRAME_KINDS.indexOf('incomplete');
    return this.#frames.intern(image, UNWIND_STOPS.indexOf(stop), kind);
  }

  /** The frame above which the stack of a thread named `comm` stands, who ended the wait below. */
  wakerFrame(comm: string): number {
    const image = this.#image({ kind: 'unknown', path: `[woken by ${comm}]` });
    return this.#frames.intern(image, 0, FRAME_KINDS.indexOf('waker'));
  }

  /** Mappings that samples fell into for the first time since the last call. */
  takeNewMappings(): readonly MappingRow[] {
    const fresh = this.#newMappings;
    this.#newMappings = [];
    return fresh;
  }

  /** Rows of processes in which samples fell into this image, oldest first. */
  usersOf(image: number): readonly number[] {
    return this.#users.get(image) ?? [];
  }

  #addUser(image: number, process: number): void {
    const users = this.#users.get(image);
    if (users === undefined) this.#users.set(image, [process]);
    else if (!users.includes(process)) {
      users.push(process);
      if (users.length > MAX_USERS) users.shift();
    }
  }

  #placeKernel(high: number, low: number): number {
    // Neither a kernel address nor, below the base, one that a number can hold.
    if (high < EARLY_KERNEL_BASE_HIGH) return this.#unknownFrame(0);
    const early = (high - EARLY_KERNEL_BASE_HIGH) * TWO_TO_32 + low;
    if (this.#kernel === null) return this.#frameIn(EARLY_KERNEL, early);
    const { image: path, offset } = this.#kernel.locate(high, low);
    // Below the kernel's text: no code that has a name, and no offset a file can hold.
    if (offset < 0) return this.#unknownFrame(early);
    return this.#frameIn({ kind: path === '[kernel]' ? 'kernel' : 'module', path }, offset);
  }

  #placeUser(entry: ProcessEntry, mapping: Mapping, address: number): number {
    const kind = mappingKind(mapping.path);
    const image = this.#imageOf(entry, mapping, kind);
    if (entry.space.markUsed(mapping)) {
      this.#addUser(image, entry.row);
      this.#newMappings.push({
        process: entry.row,
        image,
        startAddress: mapping.start.toString(16),
        endAddress: mapping.end.toString(16),
        fileOffset: mapping.fileOffset,
        fromNs: mapping.fromNs,
      });
    }
    const offset = offsetIn(kind, mapping, address);
    return this.#frames.intern(image, offset, this.#images.frameKindOf(image));
  }

  #imageOf(entry: ProcessEntry, mapping: Mapping, kind: ImageKind): number {
    const { path, inode: fileIdentity } = mapping;
    switch (kind) {
      case 'jit':
        return this.#image({ kind, path: '[jit]', fileIdentity: `pid:${entry.pid}` });
      case 'vdso':
        return this.#image({ kind, path: '[vdso]' });
      case 'unknown':
        return this.#image({ kind, path: '[unknown]' });
      case 'elf': {
        const buildId = this.#buildId(entry, mapping);
        return this.#image({ kind, path, buildId, fileIdentity });
      }
      case 'kernel':
      case 'module':
        return this.#image({ kind, path });
    }
  }

  /** One file seen through /proc and through the kernel's records must become one image. */
  #buildId(entry: ProcessEntry, mapping: Mapping): string {
    if (mapping.buildId !== '') return mapping.buildId;
    const key = `${mapping.inode}\0${mapping.path}`;
    let found = this.#buildIds.get(key);
    if (found === undefined) {
      found = this.#buildIdOf(mapping, entry.pid);
      this.#buildIds.set(key, found);
    }
    return found;
  }

  #unknownFrame(address: number): number {
    if (this.#unknownImage < 0) {
      this.#unknownImage = this.#image({ kind: 'unknown', path: '[unknown]' });
    }
    const kind = this.#images.frameKindOf(this.#unknownImage);
    return this.#frames.intern(this.#unknownImage, address, kind);
  }

  #frameIn(image: PartialIdentity, offset: number): number {
    const id = this.#image(image);
    return this.#frames.intern(id, offset, this.#images.frameKindOf(id));
  }

  #image(known: PartialIdentity): number {
    return this.#images.intern({ buildId: '', fileIdentity: '', ...known });
  }
}

/** What the kernel's name of a mapping says about it (proc_pid_maps(5)). */
export function mappingKind(path: string): ImageKind {
  if (path === '[vdso]') return 'vdso';
  // Code in memory that no file backs: generated at run time. //anon is the kernel's word in
  // PERF_RECORD_MMAP2; memfd and /dev/zero are how runtimes map code twice (writable, executable).
  const isGenerated =
    !path.startsWith('/') ||
    path.startsWith('//anon') ||
    path.startsWith('/memfd:') ||
    path.startsWith('/dev/zero') ||
    path.startsWith('/SYSV');
  return isGenerated ? 'jit' : 'elf';
}

/** FrameTable.offset for an address in a mapping. */
function offsetIn(kind: ImageKind, mapping: Mapping, address: number): number {
  if (kind === 'elf') return address - mapping.start + mapping.fileOffset;
  return kind === 'vdso' ? address - mapping.start : address;
}
