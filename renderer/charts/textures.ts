import type { Texture } from '#shared/model/flame-theme.ts';
import type { Palette } from './palette.ts';

/** Patterns laid over a box's colour: they tell kinds of code apart without colour. */
export type Textures = Readonly<Record<Texture, CanvasPattern | string>>;

/** Tile of the patterns, device pixels; of the wide ones and of the upright lines. */
const TILE = 8;
const WIDE_TILE = 14;
const LINE_TILE = 6;

export function makeTextures(context: CanvasRenderingContext2D, palette: Palette): Textures {
  return {
    kernel: pattern(context, TILE, (tile) => {
      tile.strokeStyle = palette.texture;
      tile.lineWidth = 1.5;
      diagonals(tile, TILE, 1);
    }),
    jit: pattern(context, TILE, (tile) => {
      tile.fillStyle = palette.texture;
      tile.fillRect(1, 1, 2, 2);
      tile.fillRect(5, 5, 2, 2);
    }),
    inlined: pattern(context, LINE_TILE, (tile) => {
      tile.fillStyle = palette.texture;
      tile.fillRect(0, 0, 1, LINE_TILE);
    }),
    incomplete: pattern(context, WIDE_TILE, (tile) => {
      tile.strokeStyle = palette.texture;
      tile.lineWidth = 5;
      diagonals(tile, WIDE_TILE, -1);
    }),
  };
}

/** Lines across the tile that meet those of its neighbours. 1: rising, -1: falling. */
function diagonals(tile: CanvasRenderingContext2D, size: number, direction: 1 | -1): void {
  tile.beginPath();
  for (const shift of [-size, 0, size]) {
    const left = shift - size;
    const right = shift + 2 * size;
    tile.moveTo(left, direction > 0 ? 2 * size : -size);
    tile.lineTo(right, direction > 0 ? -size : 2 * size);
  }
  tile.stroke();
}

function pattern(
  context: CanvasRenderingContext2D,
  size: number,
  draw: (tile: CanvasRenderingContext2D) => void,
): CanvasPattern | string {
  const canvas = document.createElement('canvas');
  canvas.width = size;
  canvas.height = size;
  const tile = canvas.getContext('2d');
  if (tile === null) return 'transparent';
  draw(tile);
  return context.createPattern(canvas, 'repeat') ?? 'transparent';
}
