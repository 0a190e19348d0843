import { existsSync } from 'node:fs';
import type { FoundProbe, ProbeMatches, ProbeQuery } from '#shared/model/probe-list.ts';
import { type BtfNames, readBtfNames } from '../../bpf/btf-names.ts';
import {
  kernelCodeNames,
  kprobeBlacklist,
  traceableFunctions,
} from '../../bpf/kernel-functions.ts';
import { listTracepoints, tracepointFields } from '../../bpf/tracepoint-list.ts';
import { matchNames } from './match-names.ts';

/** Where the kernel says that it has kprobes. */
const KPROBES = '/sys/bus/event_source/devices/kprobe';
/** Modules come and go: what was read is believed for so long, ms. */
const BELIEVED_MS = 60_000;
/** Names the compiler gives to parts and copies of functions. */
const PART = /\.(cold|part|constprop|isra)\b/;

interface Known {
  readonly names: readonly string[];
  /** null: tracefs is not ours to read. */
  readonly traceable: ReadonlySet<string> | null;
  readonly blacklist: ReadonlySet<string>;
  readonly btf: BtfNames;
}

/** The kernel's functions and tracepoints, read when first asked for. */
export class KernelProbes {
  #known: Known | null = null;
  #readAt = 0;

  functions(query: ProbeQuery): ProbeMatches {
    const known = this.#read();
    const { rows, total } = matchNames(known.names, query);
    const notes: string[] = [];
    if (known.names.length === 0) notes.push('The kernel shows no list of its functions.');
    else if (known.traceable === null) {
      notes.push(
        listTracepoints() === null
          ? 'Which functions the kernel lets nobody trace is known to root only.'
          : 'This kernel has no function tracer: which functions can be probed, recording tells.',
      );
    }
    if (!existsSync(KPROBES)) notes.push('This kernel is built without kprobes.');
    return { probes: rows.map((row) => describe(known.names[row]!, known)), total, notes };
  }

  tracepoints(query: ProbeQuery): ProbeMatches {
    const listed = listTracepoints();
    if (listed === null) return this.#bareTracepoints(query);
    const names = listed.map(({ category, name }) => `${category}:${name}`);
    const { rows, total } = matchNames(names, query);
    const probes = rows.map((row) => ({
      ...{ text: names[row]!, detail: tracepointFields(listed[row]!), problem: '' },
    }));
    return { probes, total, notes: [] };
  }

  /** From the type information, which everybody may read: it has no categories. */
  #bareTracepoints(query: ProbeQuery): ProbeMatches {
    const names = this.#read().btf.tracepoints;
    const { rows, total } = matchNames(names, query);
    const problem = 'its category is known to root only';
    const probes = rows.map((row) => ({ text: names[row]!, detail: '', problem }));
    const notes = ['Categories and fields of tracepoints (tracefs) are for root only.'];
    return { probes, total, notes };
  }

  #read(): Known {
    const now = performance.now();
    if (this.#known !== null && now - this.#readAt < BELIEVED_MS) return this.#known;
    this.#readAt = now;
    const traceable = traceableFunctions();
    this.#known = {
      names: [...new Set(kernelCodeNames())],
      traceable,
      blacklist: kprobeBlacklist(),
      btf: readBtfNames(),
    };
    return this.#known;
  }
}

function describe(name: string, { traceable, blacklist, btf }: Known): FoundProbe {
  const detail = btf.functions.has(name) ? 'fentry or kprobe' : 'kprobe';
  const problem = PART.test(name)
    ? 'a part or copy made by the compiler: its calls are not all calls of the function'
    : blacklist.has(name)
      ? 'the kernel forbids probes here (blacklist)'
      : traceable !== null && !traceable.has(name)
        ? 'the kernel forbids tracing here (notrace), or it is no function'
        : '';
  return { text: name, detail, problem };
}
