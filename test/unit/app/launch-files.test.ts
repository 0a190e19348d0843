import { describe, expect, it } from 'vitest';
import { launchFiles, ownArguments, parseLaunch } from '../../../main/app/launch-files.ts';

const cwd = '/home/ada/profiles';

describe('launchFiles', () => {
  it.each([
    ['a relative path against the sender', ['run.ember'], ['/home/ada/profiles/run.ember']],
    ['an absolute path', ['/tmp/x.ember'], ['/tmp/x.ember']],
    ['a file URL with escapes', ['file:///tmp/a%20b.ember'], ['/tmp/a b.ember']],
    ['two files', ['a.ember', '../b.ember'], [`${cwd}/a.ember`, '/home/ada/b.ember']],
    ['a name like a switch behind --', ['--', '--x.ember'], [`${cwd}/--x.ember`]],
    ['no switches', ['--inspect=0', '-v', '--force-dark-mode'], []],
    ['no empty argument', [''], []],
    ['an unusable URL as it is', ['file://elsewhere/x.ember'], ['file://elsewhere/x.ember']],
    ['a URL of another scheme as it is', ['sftp://host/x.ember'], ['sftp://host/x.ember']],
    ['a name with a colon', ['a:b.ember'], [`${cwd}/a:b.ember`]],
    ['a URL with an escaped slash as it is', ['file:///a%2fb'], ['file:///a%2fb']],
  ])('finds %s', (_what, args, expected) => {
    expect(launchFiles({ args, cwd })).toEqual(expected);
  });

  it('takes at most 16 files', () => {
    const args = Array.from({ length: 40 }, (_, index) => `${index}.ember`);
    expect(launchFiles({ args, cwd })).toHaveLength(16);
  });
});

describe('ownArguments', () => {
  it.each([
    ['installed', ['emberscope', 'a.ember'], false, ['a.ember']],
    ['a checkout', ['electron', '/src/app', 'a.ember'], true, ['a.ember']],
    ['a checkout with switches', ['electron', '--x=0', '/src/app', '-y', 'a'], true, ['-y', 'a']],
    ['a checkout without its folder', ['electron'], true, []],
  ])('understands %s', (_what, argv, inCheckout, expected) => {
    expect(ownArguments(argv, inCheckout)).toEqual(expected);
  });
});

describe('parseLaunch', () => {
  it('keeps a well-formed launch', () => {
    expect(parseLaunch({ args: ['a'], cwd })).toEqual({ args: ['a'], cwd });
  });

  it.each([[null], ['text'], [{ args: 'a', cwd }], [{ args: [1], cwd }], [{ args: ['a'] }]])(
    'refuses %j',
    (data) => {
      expect(parseLaunch(data)).toBeNull();
    },
  );
});
