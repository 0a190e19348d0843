/** Why the file behind an image cannot be used. */
export type FileProblem =
  | { readonly kind: 'not-found'; readonly path: string }
  /** `errno` as the system says it, e.g. "EACCES". */
  | { readonly kind: 'unreadable'; readonly path: string; readonly errno: string }
  /** A directory, pipe or device stands at the path. */
  | { readonly kind: 'not-a-file'; readonly path: string }
  | { readonly kind: 'too-large'; readonly path: string; readonly bytes: number };

/**
 * Why an image has no symbols, or fewer than it could; facts, kept per image and never thrown. The words
 * are in text/image-problem-text.ts; encodeImageProblem() makes a text of one that a file can hold.
 */
export type ImageProblem =
  | FileProblem
  | { readonly kind: 'not-elf'; readonly path: string; readonly reason: string }
  /** Another file than the one that ran stands there now. Build ids or inode numbers. */
  | {
      readonly kind: 'replaced';
      readonly path: string;
      readonly expected: string;
      readonly found: string;
    }
  /** A file stands there, and nothing recorded can prove that it is the one that ran. */
  | { readonly kind: 'unproven'; readonly path: string }
  /** Stripped, and no debug file was found. */
  | { readonly kind: 'no-symbols'; readonly path: string }
  /** /proc/kallsyms showed zeros: kernel.kptr_restrict, and no CAP_SYSLOG. */
  | { readonly kind: 'kallsyms-restricted' }
  | { readonly kind: 'kallsyms-absent' }
  /** The kernel that ran is not the one that runs now: another machine, or another boot. */
  | { readonly kind: 'other-kernel' }
  /** JIT code, and its runtime writes no perf map. */
  | { readonly kind: 'no-perf-map'; readonly pids: readonly number[] };

/** The fields of each kind beside `kind`, as what they must be: how a text from a file is checked. */
const FIELDS = {
  'not-found': { path: 'string' },
  unreadable: { path: 'string', errno: 'string' },
  'not-a-file': { path: 'string' },
  'too-large': { path: 'string', bytes: 'number' },
  'not-elf': { path: 'string', reason: 'string' },
  replaced: { path: 'string', expected: 'string', found: 'string' },
  unproven: { path: 'string' },
  'no-symbols': { path: 'string' },
  'kallsyms-restricted': {},
  'kallsyms-absent': {},
  'other-kernel': {},
  'no-perf-map': { pids: 'numbers' },
} as const satisfies Record<
  ImageProblem['kind'],
  Readonly<Record<string, 'string' | 'number' | 'numbers'>>
>;

/** A problem as text, for a column of a session file; decodeImageProblem() reads it back. */
export const encodeImageProblem = (problem: ImageProblem): string => JSON.stringify(problem);

/** Reads what encodeImageProblem() wrote; null: it is something else (a file can hold anything). */
export function decodeImageProblem(text: string): ImageProblem | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (typeof value !== 'object' || value === null || !('kind' in value)) return null;
  const { kind } = value;
  if (typeof kind !== 'string' || !Object.hasOwn(FIELDS, kind)) return null;
  const fields: Readonly<Record<string, string>> = FIELDS[kind as ImageProblem['kind']];
  const facts = value as Readonly<Record<string, unknown>>;
  const isSound = Object.entries(fields).every(([name, type]) => isOf(type, facts[name]));
  return isSound ? (value as ImageProblem) : null;
}

function isOf(type: string, value: unknown): boolean {
  if (type !== 'numbers') return typeof value === type;
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item));
}
