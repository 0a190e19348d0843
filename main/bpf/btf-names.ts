import { readFileSync } from 'node:fs';

/** Documentation/bpf/btf.rst. */
const MAGIC = 0xeb9f;
const KIND_TYPEDEF = 8;
const KIND_FUNC = 12;
const TYPE_BYTES = 12;
/** Bytes that follow a type, by kind: for each member, or once. */
const PER_MEMBER: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };
const ONCE: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 };
const LAST_KIND = 19;

/** What the kernel's type information names. */
export interface BtfNames {
  readonly functions: ReadonlySet<string>;
  /** Tracepoints, without their category. */
  readonly tracepoints: readonly string[];
}

/** The running kernel's, which everybody may read; empty: it has none. */
export function readBtfNames(path = '/sys/kernel/btf/vmlinux'): BtfNames {
  try {
    return parseBtfNames(readFileSync(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error) return { functions: new Set(), tracepoints: [] };
    throw error;
  }
}

/** Walks the types; stops where the bytes make no sense. */
export function parseBtfNames(btf: Buffer): BtfNames {
  const functions = new Set<string>();
  const tracepoints: string[] = [];
  const none = { functions, tracepoints };
  if (btf.length < 24 || btf.readUInt16LE(0) !== MAGIC) return none;
  const header = btf.readUInt32LE(4);
  const types = header + btf.readUInt32LE(8);
  const end = types + btf.readUInt32LE(12);
  const strings = header + btf.readUInt32LE(16);
  const stringsEnd = strings + btf.readUInt32LE(20);
  if (end > btf.length || stringsEnd > btf.length) return none;
  for (let at = types; at + TYPE_BYTES <= end; ) {
    const info = btf.readUInt32LE(at + 4);
    const kind = (info >>> 24) & 0x1f;
    if (kind === 0 || kind > LAST_KIND) break;
    if (kind === KIND_FUNC || kind === KIND_TYPEDEF) {
      const from = strings + btf.readUInt32LE(at);
      const to = btf.indexOf(0, from);
      const name = from < stringsEnd && to >= 0 ? btf.toString('latin1', from, to) : '';
      if (kind === KIND_FUNC && name !== '') functions.add(name);
      else if (name.startsWith('btf_trace_')) tracepoints.push(name.slice('btf_trace_'.length));
    }
    at += TYPE_BYTES + (PER_MEMBER[kind] ?? 0) * (info & 0xffff) + (ONCE[kind] ?? 0);
  }
  return none;
}
