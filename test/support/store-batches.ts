import type { SessionBatch } from '../../main/store/session-batch.ts';
import { emptyBatch } from '../../main/store/session-batch.ts';
import { ON_CPU_SOURCES, onCpuSamples } from './on-cpu.ts';

/** One image, process, thread, two frames, a stack of depth two; the base for samplesBatch. */
export const baseBatch = (): SessionBatch => ({
  ...emptyBatch(),
  sources: ON_CPU_SOURCES,
  images: [{ kind: 0, path: '/bin/kiln', buildId: 'ab12', fileIdentity: 'fe:0:7' }],
  processes: [
    {
      ...{ pid: 10, parentPid: 1, startNs: -1500, comm: 'kiln', exe: '/bin/kiln' },
      ...{ cmdline: 'kiln --fire', uid: 1000, cgroup: '/a' },
    },
  ],
  threads: [{ process: 0, tid: 10, comm: 'kiln' }],
  frames: { image: [0, 0], offset: [64, 4096], kind: [0, 0] },
  stacks: { parent: [-1, 0], frame: [0, 1] },
  functions: [{ image: 0, name: 'main', rawName: 'main', startOffset: 64 }],
  sourceFiles: ['/src/kiln.c'],
  symbols: { frame: [0], depth: [0], function: [0], file: [0], line: [12] },
});

/** Samples of thread 0 in stack 1, one millisecond apart from `firstNs` on. */
export function samplesBatch(count: number, firstNs: number): SessionBatch {
  return {
    ...emptyBatch(),
    samples: [
      onCpuSamples({
        length: count,
        time: Float64Array.from({ length: count }, (_, i) => firstNs + i * 1e6),
        thread: new Int32Array(count),
        stack: new Int32Array(count).fill(1),
        cpu: new Uint16Array(count),
        weight: new Float64Array(count).fill(1),
      }),
    ],
  };
}
