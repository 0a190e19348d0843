import { describe, expect, it } from 'vitest';
import { dataPath } from '../../../main/shared/data-path.ts';

describe('dataPath', () => {
  it.each([
    [
      'what EMBERSCOPE_DATA names',
      { EMBERSCOPE_DATA: '/named', XDG_DATA_HOME: '/share' },
      '/named',
    ],
    ['below XDG_DATA_HOME', { EMBERSCOPE_DATA: '', XDG_DATA_HOME: '/share' }, '/share/emberscope'],
    ['below the home folder', {}, '/home/ada/.local/share/emberscope'],
    ['the same where that is empty', { XDG_DATA_HOME: '' }, '/home/ada/.local/share/emberscope'],
    ['the same where it is relative', { XDG_DATA_HOME: 'x' }, '/home/ada/.local/share/emberscope'],
  ])('is %s', (_, env, expected) => {
    expect(dataPath(env, '/home/ada')).toBe(expected);
  });
});
