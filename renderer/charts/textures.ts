import type { Palette } from './palette.ts';

/** Patterns laid over a box's colour: they tell kinds of code apart without colour. */
export interface Textures {
  /** Kernel: diagonal lines. */
  readonly hatch: CanvasPattern | string;
  /** JIT and interpreted code: dots. */
  readonly dots: CanvasPattern | string;
}

/** Tile of the patterns, device pixels. */
const TILE = 8;

export function makeTextures(context: CanvasRenderingContext2D, palette: Palette): Textures {
  return {
    hatch: pattern(context, (tile) => {
      tile.strokeStyle = palette.texture;
      tile.lineWidth = 1.5;
      tile.beginPath();
      for (const shift of [-TILE, 0, TILE]) {
        tile.moveTo(shift - 1, TILE + 1);
        tile.lineTo(shift + TILE + 1, -1);
      }
      tile.stroke();
    }),
    dots: pattern(context, (tile) => {
      tile.fillStyle = palette.texture;
      tile.fillRect(1, 1, 2, 2);
      tile.fillRect(5, 5, 2, 2);
    }),
  };
}

function pattern(
  context: CanvasRenderingContext2D,
  draw: (tile: CanvasRenderingContext2D) => void,
): CanvasPattern | string {
  const canvas = document.createElement('canvas');
  canvas.width = TILE;
  canvas.height = TILE;
  const tile = canvas.getContext('2d');
  if (tile === null) return 'transparent';
  draw(tile);
  return context.createPattern(canvas, 'repeat') ?? 'transparent';
}
