import { DARK_THEME, LIGHT_THEME } from '#shared/model/flame-theme.ts';

/** Colours a chart needs, for one theme. CSS colours. */
export interface Palette {
  /** Fill by colour slot. */
  readonly fills: readonly string[];
  /** Fill of what does not match a search. */
  readonly dimmed: string;
  readonly text: string;
  readonly textDimmed: string;
  /** Runs of boxes too narrow to draw. */
  readonly crumbs: string;
  readonly background: string;
  readonly hover: string;
  readonly focus: string;
  readonly match: string;
  /** Lines and dots of the textures. */
  readonly texture: string;
  readonly accent: string;
  readonly accentFaint: string;
  readonly bars: string;
  readonly axis: string;
  readonly grid: string;
}

const LIGHT: Palette = {
  fills: LIGHT_THEME.fills,
  dimmed: '#efedea',
  text: LIGHT_THEME.text,
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
  fills: DARK_THEME.fills,
  dimmed: '#272422',
  text: DARK_THEME.text,
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

/** Calls back when the system switches between light and dark, until `signal` is aborted. */
export const onPaletteChange = (listener: () => void, signal?: AbortSignal): void =>
  darkScheme.addEventListener('change', listener, signal === undefined ? {} : { signal });

const reducedMotion = window.matchMedia('(prefers-reduced-motion: reduce)');
export const motionAllowed = (): boolean => !reducedMotion.matches;
