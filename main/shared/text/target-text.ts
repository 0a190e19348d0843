import type { CaptureTarget } from '../model/capture-spec.ts';

/** What is recorded, for titles: "Whole machine", "Process 42", "cgroup system.slice", "./app --flag". */
export function describeTarget(target: CaptureTarget): string {
  switch (target.kind) {
    case 'machine':
      return 'Whole machine';
    case 'process':
      return `Process ${target.pid}`;
    case 'cgroup':
      return `cgroup ${target.path}`;
    case 'command':
      return target.argv.map(quoted).join(' ');
  }
}

/** An argument as one would type it in a shell. */
const quoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`;
