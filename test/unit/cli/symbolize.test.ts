import { describe, expect, it } from 'vitest';
import type { ImageOutcome, ResymbolizeOutcome } from '../../../main/capture/resymbolize.ts';
import { outcomeLines } from '../../../main/cli/commands/symbolize.ts';

const image = (part: Partial<ImageOutcome>): ImageOutcome => ({
  ...{ path: '/usr/bin/kiln', kind: 'elf', asked: 10, named: 0, unnamed: 10, unnamedHits: 5 },
  problem: { kind: 'no-symbols', path: '/usr/bin/kiln' },
  ...part,
});
const outcome = (part: Partial<ResymbolizeOutcome>): ResymbolizeOutcome => ({
  ...{ frames: 100, asked: 20, named: 0, unnamed: 20, images: [], fetched: null },
  cancelled: false,
  ...part,
});
const textOf = (part: Partial<ResymbolizeOutcome>): string =>
  outcomeLines(outcome(part)).join('\n');

describe('outcomeLines', () => {
  it('counts frames, and lists images that gained names', () => {
    const gained = image({ named: 1234, unnamed: 0, problem: null });
    const lines = outcomeLines(outcome({ named: 1234, asked: 1234, unnamed: 0, images: [gained] }));
    expect(lines[0]).toMatch(/^1.?234 frames of 1.?234 looked up got a name; 0 of 100/);
    expect(lines.slice(2).join('\n')).toMatch(
      /named\nframes\s+image\s*\n\s*1.?234\s+\/usr\/bin\/kiln/,
    );
  });

  it('says why names are missing, each reason once with its remedy', () => {
    const other = image({ path: '/usr/bin/glaze', problem: { kind: 'no-symbols', path: '/x' } });
    const text = textOf({ images: [image({}), other] });
    expect(text.match(/is stripped/g)?.length).toBe(1);
    expect(text).toContain('--debuginfod');
    expect(text).toContain('/usr/bin/glaze');
  });

  it('shows hostile paths as escapes', () => {
    const path = '/tmp/\u001b[31mred\n';
    const text = textOf({ images: [image({ path, problem: { kind: 'no-symbols', path } })] });
    expect(text).not.toContain('\u001b');
    expect(text.split('\n').some((line) => line.startsWith('red'))).toBe(false);
  });

  it('sums up images beyond the first twenty', () => {
    const images = Array.from({ length: 25 }, (_, k) => image({ path: `/lib/${k}.so` }));
    expect(textOf({ images })).toContain('and 5 more images');
  });

  it('tells what came of debuginfod, or why it could not be used', () => {
    const fetched = { asked: 3, found: 1, missing: 1, givenUp: 1, bytes: 2048, unavailable: null };
    expect(textOf({ fetched })).toMatch(
      /debuginfod: asked for 3 images, 1 found, 1 on no server, 1 given up .*, 2.* downloaded/,
    );
    const text = textOf({
      fetched: { ...fetched, unavailable: 'libdebuginfod.so.1: no such file' },
    });
    expect(text).toContain('libdebuginfod.so.1: no such file');
    expect(text).toContain('apt install libdebuginfod1');
  });

  it('says that it was ended early', () => {
    expect(textOf({ cancelled: true })).toContain('ended early');
  });
});
