import { describe, expect, it } from 'vitest';
import {
  isInterpretedName,
  runtimeIdentity,
  runtimeName,
} from '../../../main/shared/text/runtime-names.ts';

const shown = (raw: string): readonly [string, string] => {
  const { name, kind } = runtimeName(raw);
  return [name, kind];
};

describe('runtimeName', () => {
  // As Node.js 20 writes them with --perf-basic-prof --interpreted-frames-native-stack.
  it.each([
    ['JS:~hotLoop /srv/app/hot.js:1:17', 'hotLoop (hot.js:1)', 'interpreted'],
    ['JS:^hotLoop /srv/app/hot.js:1:17', 'hotLoop (hot.js:1)', 'jit'],
    ['JS:*hotLoop /srv/app/hot.js:1:17', 'hotLoop (hot.js:1)', 'jit'],
    ['JS:+hotLoop /srv/app/hot.js:1:17', 'hotLoop (hot.js:1)', 'jit'],
    ['JS:~get acc /srv/my app/hot.js:2:55', 'get acc (hot.js:2)', 'interpreted'],
    ['JS:~ /srv/app/hot.js:2:79', '(anonymous) (hot.js:2)', 'interpreted'],
    [
      'LazyCompile:~next node:internal/streams:9:3',
      'next (node:internal/streams:9)',
      'interpreted',
    ],
    ['JS:*m file:///srv/esm.mjs:3:1', 'm (esm.mjs:3)', 'jit'],
    ['Function:~f [eval]:1:10', 'f ([eval]:1)', 'interpreted'],
    ['JS:*hot', 'hot', 'jit'],
    ['Eval:~', '(anonymous)', 'interpreted'],
  ])('reads V8 name %s', (raw, name, kind) => {
    expect(shown(raw)).toEqual([name, kind]);
  });

  it('tells where a JavaScript function begins', () => {
    expect(runtimeName('JS:*f /srv/my app/hot.js:12:17').source).toEqual({
      ...{ file: '/srv/my app/hot.js', line: 12 },
    });
    expect(runtimeName('JS:*f /srv/hot.js:0:0').source).toBeNull();
  });

  it.each([
    'Builtin:InterpreterEntryTrampoline',
    'Builtin:InterpreterPushArgsThenCall',
    'BytecodeHandler:LdaZero',
    'Interpreter',
    'py::<module>:/srv/app.py',
  ])('knows the interpreter by %s', (raw) => {
    expect(isInterpretedName(raw)).toBe(true);
  });

  it.each(['Builtin:ArrayMap', 'RegExp:a(b|c)+', 'InterpreterRuntime::x', 'py:x', ''])(
    'takes %j for machine code of its own, under its own name',
    (raw) => {
      expect(shown(raw)).toEqual([raw, 'jit']);
    },
  );

  it("reads CPython's trampolines (python -X perf)", () => {
    expect(shown('py::A.inner.<locals>.<genexpr>:/srv/hot.py')).toEqual([
      'A.inner.<locals>.<genexpr> (hot.py)',
      'interpreted',
    ]);
    expect(shown('py::_find_and_load:<frozen importlib._bootstrap>')[0]).toBe(
      '_find_and_load (<frozen importlib._bootstrap>)',
    );
  });

  it('drops what the JVM and .NET put around a method', () => {
    expect(shown('int Hot.fib(int)')).toEqual(['Hot.fib(int)', 'jit']);
    expect(shown('java.lang.Object[] a.B$C.<init>(int, long)')[0]).toBe('a.B$C.<init>(int, long)');
    expect(shown('void [app] Main::Run(int32)[OptimizedTier1]')[0]).toBe(
      'void [app] Main::Run(int32)',
    );
    expect(shown('I2C/C2I adapters')[0]).toBe('I2C/C2I adapters');
  });

  it('answers at once, whatever a runtime writes', () => {
    const starts = ['JS:~', 'py::', 'int ', ''];
    const units = ['a', ' ', ':', ':1', '/', ' /', 'a.', 'a.b(', '[', '<', '[Tier0]', '\n'];
    for (const start of starts) {
      for (const unit of units) {
        for (const end of ['', ':1:2', ')', '!']) {
          const raw = (start + unit.repeat(4096)).slice(0, 4090) + end;
          expect(typeof runtimeName(raw).name).toBe('string');
        }
      }
    }
    const long = `JS:~${'a'.repeat(5000)}`;
    expect(runtimeName(long)).toEqual({ name: long, kind: 'jit', source: null });
  });
});

describe('runtimeIdentity', () => {
  it('is one for all that was compiled of a function, another for its interpreter', () => {
    const [interpreted, baseline, maglev, optimized] = ['~', '^', '+', '*'].map((mark) =>
      runtimeIdentity(`JS:${mark}f /a.js:1:2`),
    );
    expect(new Set([baseline, maglev, optimized]).size).toBe(1);
    expect(interpreted).not.toBe(baseline);
  });

  it('tells apart functions that are shown alike', () => {
    expect(runtimeIdentity('JS:*f /a/x.js:1:2')).not.toBe(runtimeIdentity('JS:*f /b/x.js:1:2'));
    expect(runtimeIdentity('JS:*f /a/x.js:1:2')).not.toBe(runtimeIdentity('JS:*f /a/x.js:1:9'));
    expect(runtimeIdentity('py::f:/a/x.py')).toBe('py::f:/a/x.py');
  });
});
