import type { FoundProbe, ProbeKind, ProbeQuery } from '#shared/model/probe-list.ts';
import type { EngineClient } from '../engine-client.ts';
import type { Proposals } from './probe-list.ts';
import type { ProbeField } from './source-choice.ts';

/** Proposals listed: more is not read. */
const LISTED = 40;

/** One look-up, and how its answers are typed into the field. */
export interface ProbeLookup {
  readonly query: ProbeQuery;
  readonly prefix: string;
}

/** What to look for while `text` is typed; none where it says too little. */
export function lookupsOf(field: ProbeField, text: string): ProbeLookup[] {
  const lookup = (kind: ProbeKind, words: string, path = '', prefix = ''): ProbeLookup => ({
    query: { kind, query: words, path, offset: 0, limit: LISTED },
    prefix,
  });
  if (field === 'count') return [lookup('perf', text), lookup('tracepoint', text)];
  if (field === 'trace') {
    if (text.startsWith('tracepoint:')) {
      return [lookup('tracepoint', text.slice('tracepoint:'.length), '', 'tracepoint:')];
    }
    if (text.startsWith('usdt:')) {
      const [, path = '', ...words] = text.split(':');
      return words.length === 0 ? [] : [lookup('usdt', words.join(':'), path, 'usdt:')];
    }
  }
  if (!text.startsWith('/')) return [lookup('function', text)];
  const colon = text.lastIndexOf(':');
  return colon < 0 ? [] : [lookup('function', text.slice(colon + 1), text.slice(0, colon))];
}

/** Asks the engine for names that go on like `text`; what could not be looked at is said. */
export async function proposeProbes(
  engine: EngineClient,
  field: ProbeField,
  text: string,
): Promise<Proposals> {
  const answers = await Promise.all(
    lookupsOf(field, text).map(async ({ query, prefix }) => {
      const found = await engine.ask('probes.search', query);
      // While a path is typed most of its beginnings are no files: the form says what is wrong at the end.
      if (!found.ok) return { probes: [], notes: [] };
      const probes = found.value.probes.map((probe) => optionOf(probe, prefix));
      return { probes, notes: found.value.notes };
    }),
  );
  return {
    probes: answers.flatMap(({ probes }) => probes),
    note: answers.flatMap(({ notes }) => notes).join(' '),
  };
}

const optionOf = (
  { text, detail, problem }: FoundProbe,
  prefix: string,
): Proposals['probes'][number] => ({
  text: `${prefix}${text}`,
  detail: problem === '' ? detail : `cannot be measured: ${problem}`,
});
