import type { ProfilerError } from '#shared/errors.ts';
import { PERF_EVENTS } from '#shared/model/perf-events.ts';
import type { ProbeMatches, ProbeQuery } from '#shared/model/probe-list.ts';
import { ok, type Result } from '#shared/result.ts';
import { Demangler } from '../../symbolize/demangle.ts';
import { allNames, readFunctions, readSdtProbes } from '../../symbolize/user-function.ts';
import { KernelProbes } from './kernel-probes.ts';
import { matchNames } from './match-names.ts';

/** What can be probed on this machine, as far as its caller may look. */
export class ProbeSearch {
  readonly #kernel = new KernelProbes();
  readonly #demangler = new Demangler();

  find(query: ProbeQuery): Result<ProbeMatches, ProfilerError> {
    switch (query.kind) {
      case 'function':
        return query.path === '' ? ok(this.#kernel.functions(query)) : this.#binary(query);
      case 'tracepoint':
        return ok(this.#kernel.tracepoints(query));
      case 'usdt':
        return usdtOf(query);
      case 'perf':
        return ok(perfEvents(query));
    }
  }

  #binary(query: ProbeQuery): Result<ProbeMatches, ProfilerError> {
    const read = readFunctions(query.path);
    if (!read.ok) return read;
    const names = [...new Set(allNames(read.value))];
    const { rows, total } = matchNames(names, query);
    const problem = read.value.isGo ? 'returns cannot be probed in Go programs' : '';
    const probes = rows.map((row) => {
      const name = names[row]!;
      const readable = this.#demangler.demangle(name);
      const detail = readable === name ? '' : readable;
      return { text: `${query.path}:${name}`, detail, problem };
    });
    const notes = names.length === 0 ? ['The file names no functions: it is stripped.'] : [];
    return ok({ probes, total, notes });
  }
}

function usdtOf(query: ProbeQuery): Result<ProbeMatches, ProfilerError> {
  if (query.path === '') {
    return ok({ probes: [], total: 0, notes: ['Say of which program or library.'] });
  }
  const read = readSdtProbes(query.path);
  if (!read.ok) return read;
  const byName = new Map<string, { places: number; fields: string }>();
  for (const { provider, name, arguments: fields } of read.value) {
    const key = `${provider}:${name}`;
    byName.set(key, { places: (byName.get(key)?.places ?? 0) + 1, fields });
  }
  const names = [...byName.keys()];
  const { rows, total } = matchNames(names, query);
  const probes = rows.map((row) => {
    const { places, fields } = byName.get(names[row]!)!;
    const detail = [fields, places > 1 ? `${places} places` : ''].filter(Boolean).join('; ');
    return { text: `usdt:${query.path}:${names[row]!}`, detail, problem: '' };
  });
  return ok({ probes, total, notes: [] });
}

function perfEvents(query: ProbeQuery): ProbeMatches {
  const names = [...PERF_EVENTS.keys()];
  const { rows, total } = matchNames(names, query);
  const probes = rows.map((row) => {
    const isSoftware = PERF_EVENTS.get(names[row]!)?.perfType === 1;
    return { text: names[row]!, detail: isSoftware ? 'software' : 'hardware', problem: '' };
  });
  return { probes, total, notes: [] };
}
