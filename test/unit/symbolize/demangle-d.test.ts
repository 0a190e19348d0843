import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demangleD } from '../../../main/symbolize/demangle-d.ts';
import { demangleOcaml } from '../../../main/symbolize/demangle-ocaml.ts';
import { hasTool } from './dwarf-oracle.ts';

/** By the grammar of the D specification, "Name Mangling"; all of them by c++filt as well, below. */
const D_NAMES: readonly (readonly [string, string])[] = [
  ['_Dmain', 'D main'],
  ['_D3app4mainFZv', 'app.main'],
  ['_D3app5Queue4pushMFNaNbNfiZv', 'app.Queue.push'],
  ['_D3app5Queue6lengthMxFNaNbNdNiNfZm', 'app.Queue.length'],
  ['_D3app5Queue6__ctorMFkZC3app5Queue', 'app.Queue.this'],
  ['_D3app5Queue6__dtorMFZv', 'app.Queue.~this'],
  ['_D3app4workFiZ5innerMFAyaPiZv', 'app.work.inner'],
  ['_D3app4workFDFiZvPFlZbHAyaG4dZ4nextFNfZv', 'app.work.next'],
  ['_D3app10__T3mapTiZ3mapFiZi', 'app.map!(int).map'],
  ['_D3app__T3mapTiZQhFiZi', 'app.map!(int).map'],
  ['_D3app__T3mapTAyaTPS3app5QueueZQwFZv', 'app.map!(immutable(char)[], app.Queue*).map'],
  ['_D3app__T3getVii42ZQkFZi', 'app.get!(42).get'],
  ['_D3app__T3getVlN7Vbi1ZQnFZi', 'app.get!(-7L, true).get'],
  ['_D3app__T3getVAyaa3_666f6fZQsFZi', 'app.get!("foo").get'],
  ['_D3app__T4sortS3app5QueueHTxaZQvFZv', 'app.sort!(app.Queue, const(char)).sort'],
  ['_D3app__T1fVde0A8P6ZQlFZv', 'app.f!(0x0.A8p6).f'],
  ['_D3app__T3putTAyaTQeZ3putFZv', 'app.put!(immutable(char)[], immutable(char)[]).put'],
  ['_D3app__T3putVai65Vwi100000ZQtFZv', "app.put!('A', '\\U000186a0').put"],
  ['_D3app5outerFZ__T5innerTaZQjFaZv', 'app.outer.inner!(char).inner'],
];

describe('demangleD', () => {
  it('gives the qualified name without the types of functions', () => {
    expect(D_NAMES.map(([mangled]) => [mangled, demangleD(mangled) ?? ''])).toEqual(D_NAMES);
  });

  it('agrees with c++filt, but for parameters', ({ skip }) => {
    if (!hasTool('c++filt')) skip('no c++filt');
    const names = D_NAMES.filter(([, name]) => name !== '');
    const input = names.map(([mangled]) => mangled).join('\n');
    const theirs = execFileSync('c++filt', ['-s', 'dlang'], { input, encoding: 'utf8' });
    expect(theirs.trim().split('\n').map(withoutParameters)).toEqual(names.map(([, name]) => name));
  });

  it('leaves alone what is none, and ends on any bytes', () => {
    for (const name of ['_D', '_DYNAMIC', '_D3ap', '_D9999999999a', '_D3appQa', 'D3app'])
      expect([name, demangleD(name)]).toEqual([name, null]);
    const letters = fc.constantFrom(...Array.from('QaAbBcFZTSVH_U0123456789xyNgiPGDMeI'));
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 200 }), (rest) => {
        expect((demangleD(`_D3app__T${rest.join('')}`) ?? '').length).toBeLessThan(1 << 15);
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses names that grow without end', () => {
    // Each argument is a tuple of two references to the one before it.
    const reference = (distance: number): string =>
      distance < 26
        ? `Q${String.fromCharCode(97 + distance)}`
        : `Q${String.fromCharCode(65 + Math.floor(distance / 26), 97 + (distance % 26))}`;
    const doubled = (rounds: number): string => {
      let name = '_D1a__T1bTAa';
      let last = name.length - 2;
      for (let round = 0; round < rounds; round++) {
        name += 'T';
        const start = name.length;
        name += 'B2';
        name += reference(name.length - last);
        name += reference(name.length - last);
        last = start;
      }
      return `${name}ZFZv`;
    };
    expect(demangleD(doubled(2))).toBe(
      'a.b!(char[], tuple(char[], char[]), tuple(tuple(char[], char[]), tuple(char[], char[])))',
    );
    expect(demangleD(doubled(40))).toBeNull();
  });
});

describe('demangleOcaml', () => {
  it.for([
    ['camlStdlib__List__map_482', 'Stdlib.List.map'],
    ['camlStdlib__List.map_482', 'Stdlib.List.map'],
    ['camlMain__entry', 'Main.entry'],
    ['camlMain__fun_1204', 'Main.fun_1204'],
    ['camlStdlib__$5e_136', 'Stdlib.^'],
    ['camlMain__step_2_77', 'Main.step_2'],
    ['camlMain__loop$27_9', "Main.loop'"],
    ['caml_alloc_shr', null],
    ['camlinternal', null],
    ['camlMain', null],
  ] as const)('reads %s', ([mangled, name]) => {
    expect(demangleOcaml(mangled)).toBe(name);
  });
});

/** Drops what stands in parentheses that are no template's. */
function withoutParameters(name: string): string {
  let kept = '';
  let dropped = 0;
  const open: boolean[] = [];
  for (let at = 0; at < name.length; at++) {
    const character = name[at]!;
    if (character === '(') {
      const isList =
        name[at - 1] !== '!' && !/(const|immutable|shared|inout)$/.test(name.slice(0, at));
      open.push(isList);
      if (isList) dropped++;
    }
    if (dropped === 0) kept += character;
    if (character === ')' && open.pop() === true) dropped--;
  }
  return kept.replace(/ (const|pure|nothrow|@\w+)$/, '');
}
