import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

import type { CaptureTarget } from '#shared/model/capture-spec.ts';

/** Longest label in a file name, characters. */
const MAX_LABEL = 40;

/** A free path in `folder` such as 2026-11-22-14.30.05-machine.ember, in local time. */
export function recordingPath(folder: string, target: CaptureTarget, now = new Date()): string {
  const stem = join(folder, `${timestamp(now)}-${targetLabel(target)}`);
  for (let number = 1; ; number++) {
    const path = number === 1 ? `${stem}.ember` : `${stem}-${number}.ember`;
    if (!existsSync(path)) return path;
  }
}

function timestamp(now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  return `${date}-${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('.')}`;
}

/** What is recorded, in characters that are safe in every file name. */
export function targetLabel(target: CaptureTarget): string {
  const label = labelText(target).replace(/[^\w.-]+/g, '_');
  return label.replace(/^[._-]+/, '').slice(0, MAX_LABEL) || 'recording';
}

function labelText(target: CaptureTarget): string {
  switch (target.kind) {
    case 'machine':
      return 'machine';
    case 'process':
      return `pid-${target.pid}`;
    case 'cgroup':
      return basename(target.path);
    case 'command':
      return basename(target.argv[0] ?? '');
  }
}
