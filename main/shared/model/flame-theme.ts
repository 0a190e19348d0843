import { invariant } from '../invariant.ts';
import type { KeyKind } from './call-tree-keys.ts';
import { SLOT_COUNT } from './frame-color.ts';

/**
 * Fill of boxes by colour slot of frame-color.ts, and the text on them. CSS hex colours in sRGB, which
 * every viewer knows. Neighbours among the images differ in lightness as well as in hue, along the orange
 * to blue axis that all common kinds of colour vision keep.
 */
export interface FlameTheme {
  readonly fills: readonly string[];
  readonly text: string;
  /** Lines and dots of the textures. */
  readonly texture: string;
}

export const LIGHT_THEME: FlameTheme = {
  fills: [
    ...['#f6bc9f', '#9ad3f8', '#eed29b', '#c0b7ee', '#edada2', '#97e5ef', '#eec195', '#bad7ff'],
    ...['#bdc6d0', '#b4e4bc', '#dad5d1', '#d2d2d2', '#f6bc9f', '#a5cdf2', '#e8d684'],
  ],
  text: '#1d1a17',
  texture: '#1d1a1726',
};

export const DARK_THEME: FlameTheme = {
  fills: [
    ...['#7d4d34', '#2d6180', '#79612e', '#524977', '#754038', '#22717a', '#77522a', '#4d6590'],
    ...['#4f575f', '#46704f', '#686460', '#4b4b4b', '#7d4d34', '#2f5f86', '#6f6322'],
  ],
  text: '#f5f2ee',
  texture: '#ffffff26',
};

for (const { fills } of [LIGHT_THEME, DARK_THEME]) {
  invariant(fills.length === SLOT_COUNT, 'a theme has one fill per colour slot');
}

/**
 * What tells kinds of code apart without colour. kernel: rising lines. jit: dots. inlined: upright lines.
 * incomplete: wide falling lines.
 */
export type Texture = 'kernel' | 'jit' | 'inlined' | 'incomplete';

/** The texture of a kind; null: plain. */
export function textureOf(kind: KeyKind): Texture | null {
  switch (kind) {
    case 'kernel':
    case 'jit':
    case 'inlined':
    case 'incomplete':
      return kind;
    case 'interpreted':
      return 'jit';
    case 'user':
    case 'waker':
    case 'root':
    case 'process':
    case 'thread':
    case 'no-stack':
    case 'running':
    case 'waiting':
    case 'queued':
      return null;
  }
}
