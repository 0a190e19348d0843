import { invariant } from '#shared/invariant.ts';

import { Engine } from './engine.ts';
import { findParent } from './parent.ts';
import { serve } from './serve.ts';

/** The value of `--NAME=VALUE`; null: not given. */
function setting(name: string): string | null {
  const prefix = `--${name}=`;
  const found = process.argv.find((argument) => argument.startsWith(prefix));
  return found === undefined ? null : found.slice(prefix.length);
}

function run(): void {
  const parent = findParent();
  invariant(parent !== null, 'the engine is started by the app, not by hand');
  serve({
    parent,
    makeEngine: (emit, elevate) =>
      new Engine({
        dataFolder: setting('data-folder'),
        version: setting('version') ?? '',
        emit,
        elevate,
      }),
    exit: (code) => process.exit(code),
  });
}

run();
