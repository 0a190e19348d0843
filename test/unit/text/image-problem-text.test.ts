import { describe, expect, it } from 'vitest';
import {
  decodeImageProblem,
  encodeImageProblem,
  type ImageProblem,
} from '../../../main/shared/model/image-problem.ts';
import { imageProblemWords } from '../../../main/shared/text/image-problem-text.ts';

const path = '/opt/kiln';
const EVERY: Readonly<Record<ImageProblem['kind'], ImageProblem>> = {
  'not-found': { kind: 'not-found', path },
  unreadable: { kind: 'unreadable', path, errno: 'EACCES' },
  'not-a-file': { kind: 'not-a-file', path },
  'too-large': { kind: 'too-large', path, bytes: 5 * 2 ** 30 },
  'not-elf': { kind: 'not-elf', path, reason: 'no ELF header' },
  replaced: { kind: 'replaced', path, expected: 'aa', found: 'bb' },
  unproven: { kind: 'unproven', path },
  'no-symbols': { kind: 'no-symbols', path },
  'kallsyms-restricted': { kind: 'kallsyms-restricted' },
  'kallsyms-absent': { kind: 'kallsyms-absent' },
  'other-kernel': { kind: 'other-kernel' },
  'no-perf-map': { kind: 'no-perf-map', pids: [7, 8] },
};

describe('imageProblemWords', () => {
  it.each(Object.values(EVERY))('says what $kind means and what to do', (problem) => {
    const { short, sentence, remedy } = imageProblemWords(problem);
    expect(short.split(' ').length).toBeLessThanOrEqual(4);
    expect(sentence).toMatch(/^[A-Z/].*\.$/);
    expect(remedy.length).toBeGreaterThan(20);
    if ('path' in problem) expect(sentence).toContain(path);
  });

  it('names facts: errno, build ids, the process', () => {
    expect(imageProblemWords(EVERY.unreadable).sentence).toContain('EACCES');
    expect(imageProblemWords(EVERY.replaced).sentence).toContain('bb instead of aa');
    expect(imageProblemWords({ kind: 'no-perf-map', pids: [7] }).sentence).toContain('process 7');
    expect(imageProblemWords(EVERY['no-perf-map']).sentence).toContain('2 processes');
  });
});

describe('decodeImageProblem', () => {
  it.each(Object.values(EVERY))('reads back $kind', (problem) => {
    expect(decodeImageProblem(encodeImageProblem(problem))).toEqual(problem);
  });

  it.each([
    ...['', 'x', '3', 'null', '[]', '{}', '{"kind":"toString"}', '{"kind":"other"}', '{"kind":7}'],
    ...['{"kind":"not-found"}', '{"kind":"not-found","path":7}', '{"kind":"no-perf-map","pids":7}'],
    '{"kind":"no-perf-map","pids":["7"]}',
  ])('takes %j for nothing', (text) => {
    expect(decodeImageProblem(text)).toBeNull();
  });
});
