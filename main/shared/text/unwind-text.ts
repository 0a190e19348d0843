import { UNWIND_STOPS, type UnwindStop } from '../model/unwind-stop.ts';

/** What an incomplete stack means for people. */
export interface StopWords {
  /** Two or three words, as in "[incomplete: no unwind table]". */
  readonly short: string;
  /** What happened, one sentence. */
  readonly sentence: string;
  /** What to do about it, one sentence. */
  readonly remedy: string;
}

/** Name of the frame at the root of an incomplete stack; `code` as UNWIND_STOPS, any number. */
export const incompleteName = (code: number): string =>
  `[incomplete: ${stopWords(UNWIND_STOPS[code] ?? 'unknown').short}]`;

/** The words behind a name that incompleteName() made; null: it made no such name. */
export function stopOfName(name: string): StopWords | null {
  const code = UNWIND_STOPS.findIndex((_, at) => incompleteName(at) === name);
  return code < 0 ? null : stopWords(UNWIND_STOPS[code] ?? 'unknown');
}

export function stopWords(stop: UnwindStop): StopWords {
  switch (stop) {
    case 'unknown':
      return {
        short: 'end not known',
        sentence: 'The kernel followed frame pointers and does not tell where they ended.',
        remedy: 'Record with unwinding "auto", which reads unwind tables.',
      };
    case 'complete':
      return {
        short: 'complete',
        sentence: "The stack reaches its thread's start.",
        remedy: 'Nothing needs doing.',
      };
    case 'depth':
      return {
        short: 'too deep',
        sentence: 'The stack is deeper than 127 frames, so its root end is cut off.',
        remedy: 'Look at the inverted tree, which starts at the running function.',
      };
    case 'no-process':
      return {
        short: 'new process',
        sentence: 'The process had just started; its mappings were not known yet.',
        remedy:
          'Nothing needs doing for a few; they come from the first milliseconds of a process.',
      };
    case 'no-mapping':
      return {
        short: 'unknown memory',
        sentence: 'A return address lies in no executable mapping that is known.',
        remedy: 'Code was generated or loaded a moment before; if it stays, report it.',
      };
    case 'no-table':
      return {
        short: 'no unwind table',
        sentence: 'The unwind table of an image was not loaded: still being built, or over budget.',
        remedy: 'Narrow the target, so that fewer images need a table.',
      };
    case 'no-frame-pointer':
      return {
        short: 'no frame pointer',
        sentence: 'Code without unwind information keeps no frame pointer either.',
        remedy: 'Build it with -fno-omit-frame-pointer; for Java use -XX:+PreserveFramePointer.',
      };
    case 'unsupported-rule':
      return {
        short: 'unsupported rule',
        sentence: 'The unwind information uses a form that is not supported.',
        remedy: 'Please report the image named beside it.',
      };
    case 'unreadable-stack':
      return {
        short: 'unreadable stack',
        sentence: 'Stack memory could not be read, for example because it was paged out.',
        remedy:
          'Nothing needs doing for a few; many hint at hand-written code that moves the stack.',
      };
    case 'no-progress':
      return {
        short: 'no progress',
        sentence: 'The next frame did not lie above the last one.',
        remedy: 'Please report the image named beside it.',
      };
    case 'no-registers':
      return {
        short: 'no registers',
        sentence: "This kernel does not show a thread's user registers while it runs kernel code.",
        remedy: 'Use Linux 5.15 or newer.',
      };
    case 'step-limit':
      return {
        short: 'step limit',
        sentence: 'The walk needed more steps than the kernel allows a program.',
        remedy: 'Please report it with the kernel version shown in the report.',
      };
  }
}
