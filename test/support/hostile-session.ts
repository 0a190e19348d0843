import { encodeImageProblem } from '../../main/shared/model/image-problem.ts';
import {
  emptyBatch,
  type SampleColumns,
  type SessionBatch,
  type SourceRow,
} from '../../main/store/session-batch.ts';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { ON_CPU, onCpuSamples } from './on-cpu.ts';
import { syntheticMeta } from './synthetic-session.ts';
import { CALLS } from './with-sources.ts';

const RUN = `globalThis.pwned=1`;

/** What any process may call itself, its files or its functions; each is harmless where it stays text. */
export const HOSTILE_NAMES: readonly string[] = [
  `<img src=x onerror="${RUN}">`,
  `</script></title></style></textarea><script>${RUN}</script>`,
  `"><svg onload=${RUN}>&lt;b&gt;&amp;&#x3c;script&#62;`,
  `' onmouseover='${RUN}' x='`,
  ']]><!--*/-->`${globalThis.pwned=1}`{{constructor.constructor("globalThis.pwned=1")()}}',
  `javascript:${RUN}`,
  'file:///etc/passwd',
  'https://emberscope.invalid/leak.png',
  '\x1b]0;pwned\x07\x1b[2J\x1b[31;5mred\x1b[0m\x9b1;1H',
  'first\nsecond\rthird\tfourth\x0bfifth\x00\x08\x7f',
  'safe\u202egnp.exe\u2066\u2067x\u2069\u202a\u200f\u061c',
  'line\u2028paragraph\u2029end\ufeff',
  'zalgo\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309',
  '__proto__',
  'constructor',
  '=cmd|"/c calc"!A1',
  '%s%n%x{}{0}$1$&',
  '../../../../etc/passwd',
  '',
  ' ',
  `very_long_${'x'.repeat(60_000)}`,
  `<b>${'&'.repeat(5000)}`,
  '🔥'.repeat(3000),
];

/** What no line for a terminal may hold: C0 and C1 controls and direction overrides. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
export const INTERPRETED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/** What no page may show: the same but for the tab, which is white space there. */
export const INTERPRETED_BY_PAGE = new RegExp(INTERPRETED.source.replace('0009', '0008'));

/** Short enough for a heading. */
const SHORT_NAMES = HOSTILE_NAMES.filter((name) => name.length < 200);
/** What a terminal acts on and what a page acts on. */
const TITLE = `${HOSTILE_NAMES[8] ?? ''}\u202e${HOSTILE_NAMES[0] ?? ''}`;
/** Rows of the sources. */
const SOURCE = { onCpu: 0, calls: 1, trace: 2 } as const;

/** On-CPU time, calls of a function and a trace. */
const SOURCES: readonly SourceRow[] = [
  { ...ON_CPU, title: `On-CPU time ${HOSTILE_NAMES[0] ?? ''}`, note: HOSTILE_NAMES[8] ?? '' },
  { ...CALLS, title: TITLE, mechanism: TITLE, note: TITLE, detail: 'events' },
  {
    ...{ ...CALLS, kind: 'trace', title: TITLE, mechanism: TITLE, note: TITLE, unit: 'events' },
    fields: JSON.stringify(SHORT_NAMES.map((name) => ({ name }))),
  },
];

/** A session in which everything that came from outside is one of these names. */
export async function writeHostileSession(path: string): Promise<void> {
  const meta = syntheticMeta();
  const [hostname = '', os = '', cpuModel = '', kernel = ''] = HOSTILE_NAMES;
  const created = await SessionWriter.create(
    path,
    {
      ...{ ...meta, recordedBy: TITLE },
      host: { ...meta.host, hostname, os, cpuModel, kernel, arch: TITLE, sampleEvent: TITLE },
      spec: {
        ...meta.spec,
        target: {
          kind: 'command',
          argv: SHORT_NAMES,
          cwd: '/',
        },
      },
      unwind: { mode: 'auto', fallback: `${HOSTILE_NAMES[0] ?? ''}\x1b[2J` },
    },
    { replace: true },
  );
  if (!created.ok) throw new Error(JSON.stringify(created.error));
  const appended = await created.value.append(batch());
  if (!appended.ok) throw new Error(JSON.stringify(appended.error));
  const finished = await created.value.finish({
    ...{ state: 'complete', endNs: 2e9 },
    end: { reason: 'failed', error: TITLE },
  });
  if (!finished.ok) throw new Error(JSON.stringify(finished.error));
}

/** Row i of every table bears name i; stack i is the names from the first to i, at most 12 deep. */
function batch(): SessionBatch {
  const names = HOSTILE_NAMES;
  const rows = names.map((_, row) => row);
  return {
    ...emptyBatch(),
    sources: SOURCES,
    series: names.map((name, row) => ({
      ...{ source: SOURCE.calls, process: row, name, variant: name },
    })),
    images: names.map((path) => ({ kind: 0, path, buildId: '', fileIdentity: '' })),
    imageProblems: new Map(names.map((name, row) => [row, problemOf(name, row)])),
    processes: names.map((name, row) => ({
      ...{ pid: 100 + row, parentPid: 1, startNs: 0, comm: name, exe: name, cmdline: name },
      ...{ uid: 1000, cgroup: name },
    })),
    threads: names.map((comm, row) => ({ process: row, tid: 100 + row, comm })),
    functions: names.map((name, row) => ({
      ...{ image: row, name, rawName: name, startOffset: 4096 },
    })),
    frames: { image: rows, offset: rows.map((row) => 4096 + row), kind: rows.map(() => 0) },
    sourceFiles: names,
    // The last frame of an image stays without a name: its image is shown instead.
    symbols: {
      frame: rows.slice(0, -1),
      depth: rows.slice(0, -1).map(() => 0),
      function: rows.slice(0, -1),
      file: rows.slice(0, -1),
      line: rows.slice(0, -1),
    },
    stacks: { parent: rows.map((row) => (row % 12 === 0 ? -1 : row - 1)), frame: rows },
    samples: samples(),
  };
}

/** Of each source one for every name, with its thread and stack. */
function samples(): readonly SampleColumns[] {
  const rows = HOSTILE_NAMES.map((_, row) => row);
  const length = rows.length;
  const sampled = onCpuSamples({
    length,
    time: Float64Array.from(rows, (row) => row * 5e7),
    thread: Int32Array.from(rows),
    stack: Int32Array.from(rows),
    cpu: new Uint16Array(length),
    weight: new Float64Array(length).fill(1),
  });
  const value = Float64Array.from(rows, (row) => 1000 + row);
  const series = Int32Array.from(rows);
  const fields = rows.map(() => JSON.stringify(SHORT_NAMES));
  return [
    sampled,
    { ...sampled, source: SOURCE.calls, weight: value, series, value },
    { ...sampled, source: SOURCE.trace, fields },
  ];
}

/** Well-formed with hostile fields, or anything at all. */
const problemOf = (name: string, row: number): string =>
  row % 2 === 0 ? encodeImageProblem({ kind: 'not-elf', path: name, reason: name }) : name;
