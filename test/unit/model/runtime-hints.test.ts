import { describe, expect, it } from 'vitest';
import { runtimeHints, runtimeOf } from '../../../main/shared/model/runtime-hints.ts';
import { tablesOf } from '../../support/tables-of.ts';

describe('runtimeOf', () => {
  it.each([
    ['/usr/bin/node', 'x', 'node'],
    ['/usr/local/bin/nodejs', '', 'node'],
    ['', 'node', 'node'],
    ['/usr/bin/python3.11', '', 'python'],
    ['/usr/bin/python3.12 (deleted)', '', 'python'],
    ['/usr/lib/jvm/java-17/bin/java', 'Hot', 'java'],
    ['/usr/bin/dotnet', '', 'dotnet'],
    ['/usr/bin/luajit-2.1.0', '', 'luajit'],
    ['/usr/bin/ruby3.3', '', 'ruby'],
    ['/usr/sbin/php-fpm8.2', '', 'php'],
    ['/usr/bin/nodemon-like', '', null],
    ['/opt/javascript', 'java', null],
    ['', '', null],
  ])('of %j (%j) is %j', (exe, comm, runtime) => {
    expect(runtimeOf(exe, comm)).toBe(runtime);
  });
});

describe('runtimeHints', () => {
  it('weighs samples with unnamed generated code anywhere in the stack, by runtime', () => {
    const hints = runtimeHints(
      tablesOf(`
        node:7/7| main;j+0x10[j];j+0x20[j] 30
        node:7/8| main;j+0x10[j];write 10
        node:8/8| main;j+0x10[j] 5
        java:9/9| main;k+0x10[j] 50
        app:5/5| main 5
      `),
    );
    expect(hints.map(({ runtime, weight, share }) => [runtime, weight, share])).toEqual([
      ['java', 50, 0.5],
      ['node', 45, 0.45],
    ]);
  });

  it('names the switch, and the process with most of it', () => {
    const [node] = runtimeHints(
      tablesOf('node:7/7| j+0x10[j] 1\nnode:8/8| j+0x10[j] 2\nnode:9/9| main 9'),
    );
    expect(node?.remedy).toContain('--perf-basic-prof --interpreted-frames-native-stack');
    expect(node?.process).toBe(1);
    const [java] = runtimeHints(tablesOf('java:42/42| j+0x10[j] 1'));
    expect(java?.remedy).toContain('jcmd 42 Compiler.perfmap');
    expect(java?.remedy).toContain('-XX:+PreserveFramePointer');
    const [dotnet] = runtimeHints(tablesOf('dotnet:1/1| j+0x10[j] 1'));
    expect(dotnet?.remedy).toContain('DOTNET_PerfMapEnabled=1');
    const [other] = runtimeHints(tablesOf('strange:3/3| j+0x10[j] 1'));
    expect(other?.runtime).toBe('other');
    expect(other?.remedy).toContain('/tmp/perf-3.map');
  });

  it('knows Python by its evaluation loop, until Python functions have names', () => {
    const [hint] = runtimeHints(tablesOf('python3:1/1| main;_PyEval_EvalFrameDefault;memcpy 4'));
    expect([hint?.runtime, hint?.weight]).toEqual(['python', 4]);
    expect(hint?.remedy).toContain('-X perf');
    const named = 'python3:1/1| main;_PyEval_EvalFrameDefault;hot(hot.py)[j] 4';
    const tables = tablesOf(named, { 'hot(hot.py)': 'hot (hot.py)' });
    expect(runtimeHints(tables)).toEqual([]);
  });

  it('does not promise what a Python is too old for', () => {
    const [old] = runtimeHints(tablesOf('python3.11:1/1| _PyEval_EvalFrameDefault 1'));
    expect(old?.remedy).toMatch(/^Python 3\.11 cannot/);
    const [fresh] = runtimeHints(tablesOf('python3.13:1/1| _PyEval_EvalFrameDefault 1'));
    expect(fresh?.remedy).toMatch(/^Start it/);
  });

  it('has nothing to say where generated code has names, and of an empty session', () => {
    expect(runtimeHints(tablesOf('node:7/7| main;compiled[j] 3\n- 1'))).toEqual([]);
    expect(runtimeHints(tablesOf(''))).toEqual([]);
  });
});
