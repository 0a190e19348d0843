import { describe, expect, it } from 'vitest';
import { parsePerfScript } from '../../bench/perf-stacks.ts';

/** As perf script 6.1 prints it with the fields and events that the bench asks for. */
const SCRIPT = `sh     0/0         0.000000: PERF_RECORD_MMAP2 70/70: [0x1000(0x1000) @ 0x400 fe:00 1 0]: r-xp /usr/bin/dash
sh 70/70 1.000001: PERF_RECORD_FORK(71:71):(70:70)
sh 71/71 1.000100:     250000 cpu-clock:pppH: 
	ffffffff81a00000 asm_exc_page_fault ([kernel.kallsyms])
	            1010 evaltree (/usr/bin/dash)
	            1004 _start (/usr/bin/dash)

deep 71/71 1.000200: PERF_RECORD_COMM exec: deep:71/71
deep 71/71 1.000300: PERF_RECORD_MMAP2 71/71: [0x1000(0x2000) @ 0 fe:00 2 0]: r-xp /tmp/a b/deep (deleted)
my tool 71/72 1.000400:     250000 cpu-clock:pppH: 
	            2020 ns::f(int, char (&) [2]) (/tmp/a b/deep (deleted))
	            9000 [unknown] ([unknown])

my tool 71/72 1.000500:     250000 cpu-clock:pppH: 
	ffffffff81a00010 schedule ([kernel.kallsyms])

`;

describe('parsePerfScript', () => {
  it('gives user stacks root first with offsets in the files that were mapped then', () => {
    expect(parsePerfScript(SCRIPT)).toEqual([
      {
        comm: 'sh',
        frames: [
          { image: '/usr/bin/dash', offset: 0x404, name: '_start' },
          { image: '/usr/bin/dash', offset: 0x410, name: 'evaltree' },
        ],
      },
      {
        comm: 'my tool',
        frames: [
          { image: '[unknown]', offset: 0x9000, name: '' },
          {
            image: '/tmp/a b/deep (deleted)',
            offset: 0x1020,
            name: 'ns::f(int, char (&) [2])',
          },
        ],
      },
    ]);
  });
});
