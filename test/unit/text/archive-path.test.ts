import { describe, expect, it } from 'vitest';
import { outsideArchive } from '../../../main/shared/text/archive-path.ts';

describe('outsideArchive', () => {
  it.each([
    [
      '/opt/X/resources/app.asar/dist/helper/main.js',
      '/opt/X/resources/app.asar.unpacked/dist/helper/main.js',
    ],
    [
      '/opt/X/resources/app.asar.unpacked/dist/a.js',
      '/opt/X/resources/app.asar.unpacked/dist/a.js',
    ],
    ['/home/me/emberscope/dist/a.js', '/home/me/emberscope/dist/a.js'],
  ])('turns %s into a path that other programs can open', (path, real) => {
    expect(outsideArchive(path)).toBe(real);
  });
});
