import { ok } from '#shared/result.ts';
import { DETAIL_CODES } from '../../capture/wire/records.ts';
import type { InstrumentKind } from './instrument.ts';

/** System calls: raw_syscalls tracepoints. */
export const syscalls: InstrumentKind<'syscalls'> = {
  kinds: ['syscalls'],
  open([wanted], { objects }) {
    const { index, source } = wanted!;
    const loaded = objects.load('syscalls.bpf.o', {
      source: index,
      minNs: source.minNs,
      detail: DETAIL_CODES[source.detail],
    });
    if (!loaded.ok) return loaded;
    const attachments: number[] = [];
    for (const event of ['sys_exit', 'sys_enter']) {
      const attached = loaded.value.attachRawTracepoint(`on_${event}`, event);
      if (!attached.ok) return attached;
      attachments.push(attached.value);
    }
    const mechanisms = new Map([[index, { name: 'tracepoint', note: '' }]]);
    return ok({ attachments, beginIterators: [], endIterators: [], mechanisms });
  },
};
