import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { ParentElevation } from '../../../main/engine/parent-elevation.ts';

interface Asked {
  readonly type: string;
  readonly call: number;
  readonly folder: string;
  readonly signal?: string;
}

/** The app's side as main/app/elevated-helpers.ts does it, with `program` in pkexec's place. */
function parentRunning(program: readonly string[]) {
  const asked: Asked[] = [];
  let child: ChildProcess | null = null;
  const elevation = new ParentElevation((message) => {
    const request = message as Asked;
    asked.push(request);
    if (request.type !== 'elevate') {
      child?.kill(request.signal as NodeJS.Signals);
      return;
    }
    const input = openSync(join(request.folder, 'in'), constants.O_RDONLY);
    const output = openSync(join(request.folder, 'out'), constants.O_WRONLY);
    child = spawn(program[0]!, program.slice(1), { stdio: [input, output, 'ignore'] });
    closeSync(input);
    closeSync(output);
    const { call } = request;
    child.once('close', (code, signal) => {
      elevation.receive({ call, state: 'ended', code, signal, stderr: 'last words' });
    });
    queueMicrotask(() => elevation.receive({ call, state: 'started', pid: child?.pid ?? 0 }));
  });
  return { elevation, asked };
}

describe('ParentElevation', () => {
  it('talks to what the parent started, and leaves no folder behind', async () => {
    const { elevation, asked } = parentRunning(['cat']);
    const helper = await elevation.elevate('system');
    if (!helper.ok) throw new Error(JSON.stringify(helper.error));
    expect(existsSync(asked[0]!.folder)).toBe(false);
    const said = text(helper.value.output);
    helper.value.input.end('to and fro');
    expect(await said).toBe('to and fro');
    expect(await helper.value.closed).toEqual({ code: 0, signal: null, stderr: 'last words' });
  });

  it('has it ended by the parent, whose child it is', async () => {
    const { elevation, asked } = parentRunning(['sleep', '100']);
    const helper = await elevation.elevate('own');
    if (!helper.ok) throw new Error(JSON.stringify(helper.error));
    helper.value.output.resume();
    helper.value.kill('SIGKILL');
    expect(await helper.value.closed).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect(asked[1]).toMatchObject({ type: 'elevated-kill', call: asked[0]!.call });
  });

  it('says so when the parent could not start it', async () => {
    let folder = '';
    const elevation = new ParentElevation((message) => {
      folder = (message as Asked).folder;
      const { call } = message as Asked;
      const end = { code: null, signal: null, stderr: 'ENOENT' };
      queueMicrotask(() => elevation.receive({ call, state: 'ended', ...end }));
    });
    expect(await elevation.elevate('own')).toMatchObject({
      error: { kind: 'helper-lost', detail: 'ENOENT' },
    });
    expect(existsSync(folder)).toBe(false);
  });
});
