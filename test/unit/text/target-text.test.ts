import { describe, expect, it } from 'vitest';
import { describeTarget } from '../../../main/shared/text/target-text.ts';

describe('describeTarget', () => {
  it('quotes arguments as a shell needs them', () => {
    const argv = ['./app', '--name', "it's", 'a b', ''];
    expect(describeTarget({ kind: 'command', argv, cwd: '/' })).toBe(
      String.raw`./app --name 'it'\''s' 'a b' ''`,
    );
  });
});
