import { ok } from '#shared/result.ts';
import { DETAIL_CODES } from '../../capture/wire/records.ts';
import type { InstrumentKind } from './instrument.ts';

/** Completion first: no request that is seen to begin is missed when it ends. */
const TRACEPOINTS = ['block_rq_complete', 'block_rq_merge', 'block_rq_issue', 'block_rq_insert'];

/** Block requests: tracepoints of the block layer. */
export const blockIo: InstrumentKind<'block-io'> = {
  kinds: ['block-io'],
  open([wanted], { objects }) {
    const { index, source } = wanted!;
    const loaded = objects.load('block_io.bpf.o', {
      source: index,
      minNs: source.minNs,
      detail: DETAIL_CODES[source.detail],
    });
    if (!loaded.ok) return loaded;
    const attachments: number[] = [];
    for (const event of TRACEPOINTS) {
      const attached = loaded.value.attachRawTracepoint(`on_${event}`, event);
      if (!attached.ok) return attached;
      attachments.push(attached.value);
    }
    const mechanisms = new Map([[index, { name: 'tracepoint', note: '' }]]);
    return ok({ attachments, beginIterators: [], endIterators: [], mechanisms });
  },
};
