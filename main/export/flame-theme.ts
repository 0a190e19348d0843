import { invariant } from '#shared/invariant.ts';
import { SLOT_COUNT } from '#shared/model/frame-color.ts';

/** Fill of boxes by colour slot of frame-color.ts, and the text on them. CSS hex colours. */
export interface FlameTheme {
  readonly fills: readonly string[];
  readonly text: string;
  /** Hatch of kernel code and dots of JIT code. */
  readonly texture: string;
}

/** The window's light theme (renderer/charts/palette.ts) in sRGB, which every image viewer knows. */
export const LIGHT_THEME: FlameTheme = {
  fills: [
    ...['#f6bc9f', '#9ad3f8', '#eed29b', '#c0b7ee', '#edada2', '#97e5ef', '#eec195', '#bad7ff'],
    ...['#bdc6d0', '#b4e4bc', '#dad5d1'],
  ],
  text: '#1d1a17',
  texture: '#1d1a1726',
};

/** The window's dark theme. */
export const DARK_THEME: FlameTheme = {
  fills: [
    ...['#7d4d34', '#2d6180', '#79612e', '#524977', '#754038', '#22717a', '#77522a', '#4d6590'],
    ...['#4f575f', '#46704f', '#686460'],
  ],
  text: '#f5f2ee',
  texture: '#ffffff26',
};

for (const { fills } of [LIGHT_THEME, DARK_THEME]) {
  invariant(fills.length === SLOT_COUNT, 'a theme has one fill per colour slot');
}
