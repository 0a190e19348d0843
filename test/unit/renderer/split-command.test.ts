import { describe, expect, it } from 'vitest';
import { splitCommand } from '../../../renderer/views/split-command.ts';

describe('splitCommand', () => {
  it('splits at blanks and keeps quoted words together', () => {
    expect(splitCommand(String.raw`  ./app  --name "a b" 'c "d"' e\ f "g\"h" '' `)).toEqual({
      ok: true,
      value: ['./app', '--name', 'a b', 'c "d"', 'e f', 'g"h', ''],
    });
  });

  it('expands nothing', () => {
    expect(splitCommand('echo $HOME *.c; ls')).toEqual({
      ok: true,
      value: ['echo', '$HOME', '*.c;', 'ls'],
    });
  });

  it('refuses what is not finished and what is empty', () => {
    expect(['', '  ', 'a "b', "a 'b", 'a\\'].map((line) => splitCommand(line).ok)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});
