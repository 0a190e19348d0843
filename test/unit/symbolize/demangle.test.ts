import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateCxxLength } from '../../../main/symbolize/cxx-name-growth.ts';
import { Demangler } from '../../../main/symbolize/demangle.ts';
import { demangleRustLegacy } from '../../../main/symbolize/demangle-rust-legacy.ts';
import { demangleRustV0 } from '../../../main/symbolize/demangle-rust-v0.ts';
import { systemImages } from './elf-oracle.ts';

/** Mangled C++ names this system's libraries export. */
function systemCxxNames(): string[] {
  const paths = systemImages(0).filter((path) => /libstdc\+\+|\/node$/.test(path));
  const text = execFileSync('nm', ['-D', '--defined-only', ...paths], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const names = new Set<string>();
  for (const line of text.split('\n')) {
    const name = /^[0-9a-f]+ [TtWw] (_Z[^@\s]+)/.exec(line)?.[1];
    if (name !== undefined && demangleRustLegacy(name) === null) names.add(name);
  }
  return [...names].filter((_, index) => index % 8 === 0);
}

/** f(A, B<A,A>, B<B<A,A>,B<A,A>>, …): each level doubles the readable name. */
function doubling(levels: number): string {
  const seq = (n: number): string => (n === 0 ? 'S_' : `S${(n - 1).toString(36).toUpperCase()}_`);
  let name = '_Z1f1A1BIS_S_E';
  for (let last = 2; last < levels + 2; last++) name += `${seq(1)}I${seq(last)}${seq(last)}E`;
  return name;
}

describe('Demangler', () => {
  it('agrees with c++filt on the C++ names of this system', () => {
    const names = systemCxxNames();
    const expected = execFileSync('c++filt', ['-i', '-s', 'gnu-v3'], {
      input: names.join('\n'),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
      .trimEnd()
      .split('\n');
    const demangler = new Demangler();
    const wrong = names.filter((name, index) => demangler.demangle(name) !== expected[index]);
    process.stdout.write(`c++filt oracle: ${names.length} names\n`);
    expect(wrong).toEqual([]);
    expect(names.length).toBeGreaterThan(300);
  });

  it('leaves C++ names raw without libstdc++, and reads Rust all the same', () => {
    const demangler = new Demangler(() => null);
    expect(demangler.demangle('_ZN3foo3barEv')).toBe('_ZN3foo3barEv');
    expect(demangler.demangle('_RNvC7mycrate3foo')).toBe('mycrate::foo');
  });

  it('takes the symbol version off, keeps everything else', () => {
    const demangler = new Demangler();
    expect(
      [
        'memcpy@@GLIBC_2.14',
        'main',
        'JS:~a@b c.js:1',
        '_ZNSt6vectorIiSaIiEE5clearEv@@X_1',
        '_start',
        '@',
      ].map((name) => demangler.demangle(name)),
    ).toEqual([
      'memcpy',
      'main',
      'JS:~a@b c.js:1',
      'std::vector<int, std::allocator<int> >::clear()',
      '_start',
      '@',
    ]);
  });

  it('loads libstdc++ once, and only for a C++ name', () => {
    let loads = 0;
    const demangler = new Demangler(() => {
      loads++;
      return () => 'x';
    });
    demangler.demangle('main');
    demangler.demangle('_RNvC7mycrate3foo');
    expect(loads).toBe(0);
    expect([demangler.demangle('_Z1fv'), demangler.demangle('_Z1gv'), loads]).toEqual([
      'x',
      'x',
      1,
    ]);
  });

  it('refuses a name whose readable form would take gigabytes', () => {
    const name = doubling(60);
    expect(new Demangler().demangle(name)).toBe(name);
    expect(new Demangler().demangle(doubling(3))).toContain('B<B<A, A>, B<A, A> >');
  });
});

describe('estimateCxxLength', () => {
  it('grows with the readable form and stays near it for the names of this system', () => {
    expect([10, 16, 20].map((k) => estimateCxxLength(doubling(k)) > 4 ** (k / 2))).toEqual([
      true,
      true,
      true,
    ]);
    expect(Math.max(...systemCxxNames().map(estimateCxxLength))).toBeLessThan(1 << 20);
  });
});

describe('Rust demanglers', () => {
  const seeds = [
    '_RINvC7mycrate3fooDINtB2_3BarhEp4ItemmNtB2_4SendEL_E',
    '_RINvC7mycrate3fooFG_RL0_hEB0_E',
    '_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y',
    '_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE',
  ];

  it('end on any bytes, with a bounded answer', () => {
    const edit = fc.tuple(fc.nat(99), fc.constantFrom(...Array.from('_$.0129BCEFGIKLMNRSTXYsuvp')));
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 8 }), (seed, edits) => {
        const letters = Array.from(seed);
        for (const [at, letter] of edits) letters[at % letters.length] = letter;
        const name = letters.join('');
        const answer = demangleRustV0(name) ?? demangleRustLegacy(name) ?? '';
        expect(answer.length).toBeLessThan(1 << 17);
      }),
      { numRuns: 5000 },
    );
  });

  it('give up on names that nest or repeat without end', () => {
    const started = performance.now();
    // Tuples of two references to the tuple before: doubles 40 times.
    let name = '_RINvC1a1bThhE';
    let previous = 7;
    for (let i = 0; i < 40; i++) {
      const at = name.length - 2;
      const ref = `B${base62(previous)}`;
      name += `T${ref}${ref}E`;
      previous = at;
    }
    expect(demangleRustV0(`${name}E`)).toBeNull();
    expect(demangleRustV0(`_RINvC1a1b${'S'.repeat(100_000)}hE`)).toBeNull();
    expect(demangleRustV0(`_RINvC1a1bFGzzzzzzz_EuE`)).toBeNull();
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

function base62(value: number): string {
  const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  if (value === 0) return '_';
  let text = '';
  for (let rest = value - 1; ; rest = Math.floor(rest / 62)) {
    text = digits[rest % 62]! + text;
    if (rest < 62) return `${text}_`;
  }
}
