import { describe, expect, it } from 'vitest';
import {
  frameKind,
  frameName,
  isOffsetName,
  kindSuffix,
  offsetName,
} from '../../../main/shared/text/frame-name.ts';
import { tablesOf } from '../../support/tables-of.ts';

describe('frameName', () => {
  it('falls back to image and offset, never to nothing', () => {
    const tables = tablesOf('main;sys_read[k];libfoo.so+0x1a2b 1');
    expect([0, 1, 2].map((frame) => frameName(tables, frame))).toEqual([
      'main',
      'sys_read',
      'libfoo.so+0x1a2b',
    ]);
  });
});

describe('frameKind', () => {
  it('tells user, kernel and JIT code apart', () => {
    const tables = tablesOf('main;sys_read[k];compiled[j] 1');
    expect([0, 1, 2].map((frame) => kindSuffix(frameKind(tables, frame)))).toEqual([
      '',
      '_[k]',
      '_[j]',
    ]);
  });
});

describe('isOffsetName', () => {
  it('knows the names that only say where a function begins, and takes no other for one', () => {
    const path = '/usr/lib/libfoo.so';
    expect(isOffsetName(path, offsetName(path, 0x1230))).toBe(true);
    const others = ['libfoo.so', 'libfoo.so+0x', 'libfoo.so+0x12g', 'libbar.so+0x1230', '+0x1230'];
    expect(others.filter((name) => isOffsetName(path, name))).toEqual([]);
    expect(isOffsetName('', '+0x1230')).toBe(false);
  });
});

describe('offsetName', () => {
  it('names an unnamed image', () => {
    expect(offsetName('', 255)).toBe('[unknown]+0xff');
  });
});
