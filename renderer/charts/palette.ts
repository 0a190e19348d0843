import { GROUP_SLOT, JIT_SLOT, KERNEL_SLOT, MODULE_SLOTS } from '#shared/model/frame-color.ts';

/** Colours a chart needs, for one theme. CSS colours. */
export interface Palette {
  /** Fill by colour slot. */
  readonly fills: readonly string[];
  /** Fill by slot of what does not match a search. */
  readonly dimmed: readonly string[];
  readonly text: string;
  readonly textDimmed: string;
  /** Runs of boxes too narrow to draw. */
  readonly crumbs: string;
  readonly background: string;
  readonly hover: string;
  readonly focus: string;
  readonly match: string;
  /** Lines of the kernel hatch, dots of JIT code, inner line of inlined frames. */
  readonly texture: string;
  readonly accent: string;
  readonly accentFaint: string;
  readonly bars: string;
  readonly axis: string;
  readonly grid: string;
}

/**
 * Hues of the module slots and a step of lightness each: neighbours in the list differ in lightness
 * as well as in hue, along the orange to blue axis that all common kinds of colour vision keep.
 */
const MODULE_HUES: readonly (readonly [hue: number, step: number])[] = [
  [48, 0],
  [238, 0],
  [84, 1],
  [292, -1],
  [30, -1],
  [206, 1],
  [66, 0],
  [262, 1],
];

function fillsOf(lightness: number, step: number, chroma: number): string[] {
  const fills: string[] = [];
  for (let slot = 0; slot < MODULE_SLOTS; slot++) {
    const [hue, up] = MODULE_HUES[slot]!;
    fills[slot] = `oklch(${lightness + up * step} ${chroma} ${hue})`;
  }
  fills[KERNEL_SLOT] = `oklch(${lightness - step * 0.5} ${chroma * 0.22} 250)`;
  fills[JIT_SLOT] = `oklch(${lightness + step} ${chroma * 0.95} 150)`;
  fills[GROUP_SLOT] = `oklch(${lightness + step} ${chroma * 0.1} 60)`;
  return fills;
}

const LIGHT: Palette = {
  fills: fillsOf(0.84, 0.035, 0.078),
  dimmed: fillsOf(0.945, 0.008, 0.012),
  text: '#1d1a17',
  textDimmed: '#8b857e',
  crumbs: '#d6d1ca',
  background: '#ffffff',
  hover: 'rgb(29 26 23 / 0.16)',
  focus: '#1d1a17',
  match: '#c2410c',
  texture: 'rgb(29 26 23 / 0.11)',
  accent: '#c2410c',
  accentFaint: 'rgb(194 65 12 / 0.14)',
  bars: '#a8a29a',
  axis: '#6e6861',
  grid: '#ece8e3',
};

const DARK: Palette = {
  fills: fillsOf(0.47, 0.035, 0.075),
  dimmed: fillsOf(0.265, 0.008, 0.01),
  text: '#f5f2ee',
  textDimmed: '#7d766e',
  crumbs: '#413c37',
  background: '#161412',
  hover: 'rgb(255 255 255 / 0.18)',
  focus: '#ffffff',
  match: '#ff8a4c',
  texture: 'rgb(255 255 255 / 0.11)',
  accent: '#ff7a38',
  accentFaint: 'rgb(255 122 56 / 0.18)',
  bars: '#6b645c',
  axis: '#9c948a',
  grid: '#2a2623',
};

const darkScheme = window.matchMedia('(prefers-color-scheme: dark)');

export const currentPalette = (): Palette => (darkScheme.matches ? DARK : LIGHT);

/** Calls back when the system switches between light and dark. */
export const onPaletteChange = (listener: () => void): void =>
  darkScheme.addEventListener('change', listener);

const reducedMotion = window.matchMedia('(prefers-reduced-motion: reduce)');
export const motionAllowed = (): boolean => !reducedMotion.matches;
