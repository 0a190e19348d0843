import { FRAME_KINDS, IMAGE_KINDS, type SessionTables } from './session-tables.ts';

/** Runtimes that can be told to name the code they generate. */
export type Runtime = 'node' | 'python' | 'java' | 'dotnet' | 'luajit' | 'ruby' | 'php' | 'other';

/** What to switch on so that a runtime's own functions get names. */
export interface RuntimeHint {
  readonly runtime: Runtime;
  /** The runtime as people call it, e.g. "Node.js". */
  readonly label: string;
  /** Weight of the samples whose stack has code of this runtime without a name; the source's unit. */
  readonly weight: number;
  /** The same as a share of all samples' weight, 0 to 1. */
  readonly share: number;
  /** Row in ProcessTable of the process with most of them. */
  readonly process: number;
  /** What is missing, one sentence. */
  readonly sentence: string;
  /** What to do about it, one or two sentences with the exact switch. */
  readonly remedy: string;
}

/** Runtimes by the base name of the executable or, when that is not known, of the command. */
const BY_NAME: readonly (readonly [RegExp, Runtime])[] = [
  [/^(?:node|nodejs|node-v?[\d.]+|electron)$/i, 'node'],
  [/^(?:python|pypy)\d*(?:\.\d+)*$/, 'python'],
  [/^java$/, 'java'],
  [/^dotnet$/, 'dotnet'],
  [/^luajit[\d.-]*/, 'luajit'],
  [/^ruby[\d.]*$/, 'ruby'],
  [/^php(?:-fpm|-cgi)?[\d.]*$/, 'php'],
];

/** CPython's evaluation loop: its machine code has a name, the Python function it runs has none. */
const PYTHON_LOOP = /^_PyEval_(?:EvalFrameDefault|Vector)\b|^PyEval_EvalFrameEx\b/;
/** What CPython's perf trampoline calls itself, cleaned or not (text/runtime-names.ts). */
const PYTHON_NAME = /^py::| \([^()]*(?:\.py|>)\)$/;

/** The runtime of a process; null: none that is known. */
export function runtimeOf(exe: string, comm: string): Runtime | null {
  const name = exe.slice(exe.lastIndexOf('/') + 1).replace(/ \(deleted\)$/, '') || comm;
  return BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** Per stack row, what some frame of it lacks. */
const UNNAMED_JIT = 1;
const PYTHON_UNNAMED = 2;
const PYTHON_NAMED = 4;

/**
 * Which runtimes hide the names of their functions, most weight first. Samples count whose stack holds
 * generated code without a name, and those in CPython's loop without a Python function's name.
 */
export function runtimeHints(tables: SessionTables): RuntimeHint[] {
  const { samples, threads, processes } = tables;
  const marks = stackMarks(tables);
  const perProcess = new Float64Array(processes.length);
  let total = 0;
  for (let row = 0; row < samples.length; row++) {
    const weight = samples.weight[row]!;
    total += weight;
    const mark = marks[samples.stack[row]!] ?? 0;
    const isPython = (mark & (PYTHON_UNNAMED | PYTHON_NAMED)) === PYTHON_UNNAMED;
    if ((mark & UNNAMED_JIT) === 0 && !isPython) continue;
    perProcess[threads.process[samples.thread[row]!]!]! += weight;
  }
  const found = new Map<Runtime, { weight: number; process: number; most: number }>();
  for (let process = 0; process < processes.length; process++) {
    const weight = perProcess[process]!;
    if (weight === 0) continue;
    const runtime = runtimeOf(processes.exe[process] ?? '', processes.comm[process] ?? '');
    const entry = found.get(runtime ?? 'other') ?? { weight: 0, process, most: 0 };
    entry.weight += weight;
    if (weight > entry.most) Object.assign(entry, { process, most: weight });
    found.set(runtime ?? 'other', entry);
  }
  return [...found]
    .map(([runtime, { weight, process }]) => hint(tables, { runtime, weight, process, total }))
    .sort((a, b) => b.weight - a.weight);
}

/** One pass over the prefix tree: a stack has what its caller's stack has. */
function stackMarks({ stacks, frames, functions, images }: SessionTables): Uint8Array {
  const jit = FRAME_KINDS.indexOf('jit');
  const jitImage = IMAGE_KINDS.indexOf('jit');
  const ofFunction = new Uint8Array(functions.length);
  for (let row = 0; row < functions.length; row++) {
    const name = functions.name[row] ?? '';
    if (images.kind[functions.image[row]!] === jitImage) {
      if (PYTHON_NAME.test(name)) ofFunction[row] = PYTHON_NAMED;
    } else if (PYTHON_LOOP.test(name)) ofFunction[row] = PYTHON_UNNAMED;
  }
  const marks = new Uint8Array(stacks.length);
  for (let row = 0; row < stacks.length; row++) {
    const frame = stacks.frame[row]!;
    const func = frames.func[frame]!;
    const own = func >= 0 ? ofFunction[func]! : frames.kind[frame] === jit ? UNNAMED_JIT : 0;
    const parent = stacks.parent[row]!;
    marks[row] = own | (parent >= 0 ? marks[parent]! : 0);
  }
  return marks;
}

interface Share {
  readonly runtime: Runtime;
  readonly weight: number;
  readonly process: number;
  readonly total: number;
}

function hint(tables: SessionTables, { runtime, weight, process, total }: Share): RuntimeHint {
  const share = total > 0 ? weight / total : 0;
  const pid = tables.processes.pid[process] ?? 0;
  const exe = tables.processes.exe[process] ?? '';
  return { ...{ runtime, weight, share, process }, ...words(runtime, pid, exe) };
}

type Words = Pick<RuntimeHint, 'label' | 'sentence' | 'remedy'>;

function words(runtime: Runtime, pid: number, exe: string): Words {
  const unnamed = (label: string, code: string, remedy: string): Words => ({
    label,
    sentence: `${code} of ${label} ran without names.`,
    remedy,
  });
  switch (runtime) {
    case 'node':
      return unnamed(
        'Node.js',
        'JavaScript functions',
        'Start it as: node --perf-basic-prof --interpreted-frames-native-stack … (or put both into NODE_OPTIONS), and record again.',
      );
    case 'python':
      return unnamed('Python', 'Python functions', pythonRemedy(exe));
    case 'java':
      return unnamed(
        'Java',
        'Java methods',
        `Your own Java machines are asked for names if they have jcmd and are Java 17 or newer. This one did not answer; as its user, during the recording: jcmd ${pid} Compiler.perfmap. For complete stacks start it as: java -XX:+PreserveFramePointer …`,
      );
    case 'dotnet':
      return unnamed(
        '.NET',
        '.NET methods',
        'Start it with DOTNET_PerfMapEnabled=1 in its environment, and record again.',
      );
    case 'luajit':
      return unnamed(
        'LuaJIT',
        'Lua traces',
        'Use a LuaJIT built with LUAJIT_USE_PERFTOOLS, which writes a perf map, and record again.',
      );
    case 'ruby':
      return unnamed(
        'Ruby',
        'Ruby methods',
        'Start it as: ruby --yjit --yjit-perf … (Ruby 3.3 and newer), and record again.',
      );
    case 'php':
      return unnamed(
        'PHP',
        'PHP functions',
        'Start it with -d opcache.jit_debug=0x10 (perf map), and record again.',
      );
    case 'other':
      return {
        label: 'another runtime',
        sentence: 'Generated code ran without names.',
        remedy: `If the runtime of process ${pid} can write /tmp/perf-${pid}.map or a jitdump, switch that on and record again.`,
      };
  }
}

/** -X perf came with Python 3.12; the version is known when the executable's name has it. */
function pythonRemedy(exe: string): string {
  const [, major, minor] = /python(\d+)\.(\d+)$/.exec(exe) ?? [];
  const isOld = major !== undefined && (Number(major) < 3 || Number(minor) < 12);
  return isOld
    ? `Python ${major}.${minor} cannot tell its functions; Python 3.12 and newer can: python3 -X perf …`
    : 'Start it as: python3 -X perf … (or PYTHONPERFSUPPORT=1 in its environment; Python 3.12 and newer), and record again.';
}
