import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { demangleRustLegacy } from '../../../main/symbolize/demangle-rust-legacy.ts';
import { demangleRustV0 } from '../../../main/symbolize/demangle-rust-v0.ts';

const beside = (name: string): URL => new URL(name, import.meta.url);

describe('Rust demangling', () => {
  it('reads the names of rust-names.in as rust-names.expected says', () => {
    const names = readFileSync(beside('rust-names.in'), 'utf8').trim().split('\n');
    const printed = names
      .map(
        (name) => `${name}\n    ${demangleRustLegacy(name) ?? demangleRustV0(name) ?? '(raw)'}\n`,
      )
      .join('');
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(beside('rust-names.expected'), printed);
    expect(printed).toBe(readFileSync(beside('rust-names.expected'), 'utf8'));
  });
});
