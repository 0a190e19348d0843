import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../../main/elevate/outcome.ts';

const reasonOf = (code: number, stderr: string): unknown => {
  const error = outcomeOf({ code, signal: null, stderr });
  return error.kind === 'elevation-failed' ? error.reason : error.kind;
};

describe('outcomeOf', () => {
  // Standard error as pkexec of polkit 122 writes it; test/package/pkexec.test.ts asks the real one.
  it.each([
    [126, 'Error executing command as another user: Request dismissed\n', 'dismissed'],
    [127, 'Error executing command as another user: Not authorized\n\nThis incident', 'refused'],
    [127, 'Error executing command as another user: No authentication agent found.', 'no-agent'],
    [127, 'Error creating textual authentication agent: Error opening current', 'no-agent'],
    [127, 'pkexec must be setuid root', 'pkexec-unusable'],
    [127, 'Error getting authority: Error initializing authority', 'pkexec-unusable'],
    [127, '', 'pkexec-unusable'],
    [3, '/opt/Emberscope: others than root can change it.', 'helper-unsafe'],
    [1, 'a bug of the helper', 'helper-lost'],
  ])('tells exit status %i, "%s", from the others', (code, stderr, reason) => {
    expect(reasonOf(code, stderr)).toBe(reason);
  });

  it('keeps what was said, and the signal', () => {
    expect(outcomeOf({ code: null, signal: 'SIGKILL', stderr: ' last words \n' })).toEqual({
      ...{ kind: 'helper-lost', exitCode: null, signal: 'SIGKILL', detail: 'last words' },
    });
  });
});
