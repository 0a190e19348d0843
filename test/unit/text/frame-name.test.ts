import { describe, expect, it } from 'vitest';
import {
  frameKind,
  frameName,
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

describe('offsetName', () => {
  it('names an unnamed image', () => {
    expect(offsetName('', 255)).toBe('[unknown]+0xff');
  });
});
