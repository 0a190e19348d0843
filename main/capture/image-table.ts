import { FRAME_KINDS, IMAGE_KINDS, type ImageKind } from '#shared/model/session-tables.ts';

import type { ImageRow } from '../store/session-batch.ts';

/** Everything that tells one image from another. */
export interface ImageIdentity {
  readonly kind: ImageKind;
  /** As ImageTable.path. */
  readonly path: string;
  /** Lower-case hex; empty unknown. */
  readonly buildId: string;
  /** "major:minor:inode", "pid:N" for JIT memory; empty unknown. */
  readonly fileIdentity: string;
}

/** fileIdentity of EARLY_KERNEL. */
const EARLY = 'early';

/**
 * Holds kernel frames that came before the kernel's symbol table: which module they belong to is not
 * known yet. Their offset is the address less EARLY_KERNEL_BASE.
 */
export const EARLY_KERNEL: ImageIdentity = {
  kind: 'kernel',
  path: '[kernel]',
  buildId: '',
  fileIdentity: EARLY,
};

/** Upper half of the address that early kernel offsets count from: keeps them exact in a number. */
export const EARLY_KERNEL_BASE_HIGH = 0xffe0_0000;

export const isEarlyKernel = ({ fileIdentity }: Pick<ImageIdentity, 'fileIdentity'>): boolean =>
  fileIdentity === EARLY;

/** Images by identity; ids dense from 0. The build id, where known, decides; else the file does. */
export class ImageTable {
  readonly #images: ImageIdentity[] = [];
  readonly #byKey = new Map<string, number>();
  #taken = 0;

  get length(): number {
    return this.#images.length;
  }

  intern(image: ImageIdentity): number {
    const identity = image.buildId === '' ? image.fileIdentity : image.buildId;
    const key = `${image.kind}\0${image.path}\0${identity}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const id = this.#images.push(image) - 1;
    this.#byKey.set(key, id);
    return id;
  }

  identityOf(id: number): ImageIdentity {
    return this.#images[id]!;
  }

  /** FRAME_KINDS code of the frames in this image. */
  frameKindOf(id: number): number {
    return frameKind(this.identityOf(id).kind);
  }

  /** Images made since the last call, in id order. */
  takeNew(): readonly ImageRow[] {
    const fresh = this.#images.slice(this.#taken);
    this.#taken = this.length;
    return fresh.map((image) => ({ ...image, kind: IMAGE_KINDS.indexOf(image.kind) }));
  }
}

function frameKind(kind: ImageKind): number {
  switch (kind) {
    case 'kernel':
    case 'module':
      return FRAME_KINDS.indexOf('kernel');
    case 'jit':
      return FRAME_KINDS.indexOf('jit');
    case 'elf':
    case 'vdso':
    case 'unknown':
      return FRAME_KINDS.indexOf('user');
  }
}
