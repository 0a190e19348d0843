import { IMAGE_KINDS } from '../../main/shared/model/session-tables.ts';
import type { SessionMeta } from '../../main/store/meta.ts';
import { emptyBatch, type ImageRow } from '../../main/store/session-batch.ts';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { ON_CPU_SOURCES } from './on-cpu.ts';
import { valueOf } from './store.ts';
import { samplesBatch } from './store-batches.ts';
import { syntheticMeta } from './synthetic-session.ts';

/** An ELF image that is nowhere, but for what `part` says. */
export const imageOf = (part: Partial<ImageRow>): ImageRow => ({
  ...{ kind: IMAGE_KINDS.indexOf('elf'), path: '/nowhere', buildId: '', fileIdentity: '' },
  ...part,
});

export interface UnnamedSession {
  readonly path: string;
  readonly images: readonly ImageRow[];
  /** By frame: its image and offset. */
  readonly frames: readonly (readonly [image: number, offset: number])[];
  readonly meta?: Partial<SessionMeta>;
  /** The process that has all images mapped; by default one that is not there any more. */
  readonly process?: { readonly pid: number; readonly startNs: number };
  /** false: its recorder dies. */
  readonly finish?: boolean;
}

/** Writes a session of 100 samples, all in one stack of all frames; none has a name. */
export async function writeUnnamed(session: UnnamedSession): Promise<void> {
  const { path, images, frames, meta, finish = true } = session;
  const { pid, startNs } = session.process ?? { pid: 99_000_077, startNs: 0 };
  const writer = valueOf(await SessionWriter.create(path, { ...syntheticMeta(), ...meta }));
  const details = { parentPid: 1, startNs, comm: 'press', exe: '/press', cmdline: 'press' };
  valueOf(
    await writer.append({
      ...emptyBatch(),
      sources: ON_CPU_SOURCES,
      images,
      processes: [{ pid, ...details, uid: process.getuid?.() ?? 0, cgroup: '' }],
      threads: [{ process: 0, tid: pid, comm: 'press' }],
      mappings: images.map((_, image) => ({
        ...{ process: 0, image, startAddress: '1000', endAddress: '9000' },
        ...{ fileOffset: 0, fromNs: startNs },
      })),
      frames: {
        image: frames.map(([image]) => image),
        offset: frames.map(([, offset]) => offset),
        kind: frames.map(() => 0),
      },
      stacks: { parent: frames.map((_, row) => row - 1), frame: frames.map((_, row) => row) },
    }),
  );
  const [samples] = samplesBatch(100, 0).samples;
  const stack = new Int32Array(100).fill(frames.length - 1);
  valueOf(await writer.append({ ...emptyBatch(), samples: [{ ...samples!, stack }] }));
  if (finish) valueOf(await writer.finish({ state: 'complete', endNs: 5e9 }));
  else await writer[Symbol.asyncDispose]();
}
