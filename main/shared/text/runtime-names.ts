import type { FrameKind } from '../model/session-tables.ts';

/** What a runtime's own name of a piece of code means. */
export interface RuntimeName {
  /** For people: without the runtime's marks, with the place where the runtime tells one. */
  readonly name: string;
  /** What runs there: machine code of the function, or an interpreter on its behalf. */
  readonly kind: Extract<FrameKind, 'jit' | 'interpreted'>;
  /** Where the function is defined; null: not told. */
  readonly source: { readonly file: string; readonly line: number } | null;
}

/** Longest name looked at: no function is called longer, and what a stranger wrote must not take time. */
const MAX_LENGTH = 4096;

/**
 * V8's "TAG:MARK" before a function: tags as V8 writes them in perf maps and jitdumps (Node.js 8 and
 * newer), marks of its tiers: ~ interpreter (Ignition), ^ baseline (Sparkplug), + Maglev, * TurboFan.
 */
const V8_FUNCTION = /^(?:JS|LazyCompile|Function|Eval|Script|InterpretedFunction):([~^+*]?)(.*)$/s;
/** Code of V8's own that stands for an interpreted function, or for one byte code of it. */
const V8_INTERPRETER = /^(?:Builtin:Interpreter\w*|BytecodeHandler:.*)$/;
/** The end of "NAME FILE:LINE:COLUMN", as V8 calls a JavaScript function. */
const V8_LINE = /^:(\d{1,10}):(\d{1,10})$/;
/** Where FILE begins, if it may hold blanks: a path, a URL, a module of the runtime, "[eval]", "<anonymous>". */
const V8_FILE = /(?:^| )(?:\/|file:\/\/|node:|\[|<)/;
/** CPython's perf trampoline (Python 3.12 and newer): "py::QUALNAME:FILE". */
const PYTHON = /^py::(.*?):([^:]*)$/s;
/** A JIT method as the JVM writes it: "RETURN CLASS.METHOD(ARGUMENTS)". */
const JAVA_TYPE = /^[\w.$<>[\]]+$/;
const JAVA_METHOD = /^[\w.$]+\.[\w$<>]+$/;
/** The tier .NET puts behind a name, e.g. "[Tier0]", "[OptimizedTier1]", "[PreJIT]". */
const DOTNET_TIER = /\[(?:Tier0|Instrumented\w*|Optimized\w*|QuickJitted|MinOptJitted|PreJIT)\]$/;

/**
 * Reads the name of generated code as its runtime wrote it into a perf map or jitdump. Names of an
 * unknown form stay as they are and count as JIT code.
 */
export function runtimeName(rawName: string): RuntimeName {
  if (rawName.length > MAX_LENGTH) return plain(rawName);
  const javascript = V8_FUNCTION.exec(rawName);
  if (javascript !== null) {
    const [, mark = '', rest = ''] = javascript;
    return v8Function(rest, mark === '~' ? 'interpreted' : 'jit');
  }
  if (V8_INTERPRETER.test(rawName)) return { name: rawName, kind: 'interpreted', source: null };
  const python = PYTHON.exec(rawName);
  if (python !== null) {
    const [, name = '', file = ''] = python;
    return { name: `${name} (${baseName(file)})`, kind: 'interpreted', source: null };
  }
  // The JVM's only code blob of this name is its template interpreter.
  if (rawName === 'Interpreter') return { name: rawName, kind: 'interpreted', source: null };
  return plain(javaMethod(rawName) ?? rawName.replace(DOTNET_TIER, ''));
}

/** Whether a frame with this raw name stands for code that an interpreter runs. */
export const isInterpretedName = (rawName: string): boolean =>
  runtimeName(rawName).kind === 'interpreted';

/**
 * What pieces of generated code have in common that are one function to people: compiled again, moved,
 * or by another tier. What an interpreter runs stays apart from machine code, as its kind does.
 */
export function runtimeIdentity(rawName: string): string {
  const javascript = rawName.length > MAX_LENGTH ? null : V8_FUNCTION.exec(rawName);
  if (javascript === null) return rawName;
  const [, mark = '', rest = ''] = javascript;
  return `${mark === '~' ? 'interpreted' : 'compiled'} ${rest}`;
}

const plain = (name: string): RuntimeName => ({ name, kind: 'jit', source: null });

/** Without what it returns; null: not a name of the JVM's. */
function javaMethod(rawName: string): string | null {
  const blank = rawName.indexOf(' ');
  const open = rawName.indexOf('(', blank);
  if (blank < 0 || open < 0 || !rawName.endsWith(')')) return null;
  const isMethod = JAVA_METHOD.test(rawName.slice(blank + 1, open));
  return isMethod && JAVA_TYPE.test(rawName.slice(0, blank)) ? rawName.slice(blank + 1) : null;
}

function v8Function(text: string, kind: RuntimeName['kind']): RuntimeName {
  const colon = text.lastIndexOf(':', text.lastIndexOf(':') - 1);
  const place = colon < 0 ? null : V8_LINE.exec(text.slice(colon));
  if (place === null) return { name: text.trim() || ANONYMOUS, kind, source: null };
  const head = text.slice(0, colon);
  const blank = V8_FILE.exec(head)?.index ?? head.lastIndexOf(' ');
  const name = blank > 0 ? head.slice(0, blank) : '';
  const file = head.slice(Math.max(0, blank)).trimStart();
  const line = Number(place[1]);
  const source = line >= 1 ? { file, line } : null;
  return { name: `${name || ANONYMOUS} (${baseName(file)}:${line})`, kind, source };
}

const ANONYMOUS = '(anonymous)';

/** What follows the last slash; all of it when that is nothing, or the file is part of the runtime. */
const baseName = (file: string): string =>
  /^(?:node:|<)/.test(file) ? file : file.slice(file.lastIndexOf('/') + 1) || file;
