import type { KeyKind } from '#shared/model/call-tree-keys.ts';
import { textureOf } from '#shared/model/flame-theme.ts';
import { type FlameModel, slotOfBox } from './flame-model.ts';
import {
  firstEndingAfter,
  ROW_HEIGHT,
  unitOf,
  type Viewport,
  visibleRows,
  xOf,
  yOfRow,
} from './flamegraph-geometry.ts';
import type { Palette } from './palette.ts';
import type { TextFit } from './text-fit.ts';
import type { Textures } from './textures.ts';

/** Everything one frame is painted from. */
export interface FlameScene {
  readonly model: FlameModel;
  readonly viewport: Viewport;
  readonly palette: Palette;
  readonly textures: Textures;
  readonly text: TextFit;
  /** 1 for labels that match the search; null: no search. */
  readonly matched: Uint8Array | null;
  /** Boxes; -1: none. */
  readonly hovered: number;
  readonly focused: number;
  readonly devicePixelRatio: number;
}

/** Narrower boxes become part of a grey stripe, CSS pixels. */
const LEAST_WIDTH = 0.5;
/** Narrower boxes get no texture and no gap. */
const LEAST_DETAIL = 4;
const TEXT_PADDING = 5;

/** Paints what is seen. Cost follows the pixels, not the session: at most two boxes a pixel and row. */
export function paintFlame(context: CanvasRenderingContext2D, scene: FlameScene): void {
  const { viewport, palette } = scene;
  context.fillStyle = palette.background;
  context.fillRect(0, 0, viewport.width, viewport.height);
  context.textBaseline = 'middle';
  const rows = visibleRows(scene.model.flame, viewport);
  for (let depth = rows.first; depth < rows.end; depth++) paintRow(context, scene, depth);
  if (scene.hovered >= 0) outline(context, scene, scene.hovered);
  if (scene.focused >= 0) outline(context, scene, scene.focused, 'focus');
}

function paintRow(context: CanvasRenderingContext2D, scene: FlameScene, depth: number): void {
  const { viewport, palette } = scene;
  const { flame } = scene.model;
  const y = yOfRow(flame, viewport, depth);
  const span = { from: flame.rowStart[depth]!, to: flame.rowStart[depth + 1]! };
  let box = firstEndingAfter(flame, span, viewport.from);
  while (box < span.to && flame.start[box]! < viewport.to) {
    const left = Math.max(0, xOf(viewport, flame.start[box]!));
    const right = Math.min(viewport.width, xOf(viewport, flame.end[box]!));
    if (right - left < LEAST_WIDTH) {
      context.fillStyle = palette.crumbs;
      context.fillRect(left, y, 1, ROW_HEIGHT - 1);
      const beyond = unitOf(viewport, left + 1);
      const next = firstEndingAfter(flame, { from: box, to: span.to }, beyond);
      box = Math.max(box + 1, next);
      continue;
    }
    paintBox(context, scene, box, { left, right, y });
    box++;
  }
}

interface Place {
  readonly left: number;
  readonly right: number;
  readonly y: number;
}

function paintBox(
  context: CanvasRenderingContext2D,
  scene: FlameScene,
  box: number,
  place: Place,
): void {
  const { palette, matched, devicePixelRatio } = scene;
  const { labels } = scene.model;
  const id = scene.model.flame.label[box]!;
  const hit = matched === null || matched[id] === 1;
  // Edges on device pixels: neighbouring boxes share an edge without a blurred seam.
  const x = Math.round(place.left * devicePixelRatio) / devicePixelRatio;
  const end = Math.round(place.right * devicePixelRatio) / devicePixelRatio;
  const gap = end - x >= LEAST_DETAIL ? 1 : 0;
  const width = Math.max(1 / devicePixelRatio, end - x - gap);
  context.fillStyle = hit ? palette.fills[slotOfBox(scene.model, box)]! : palette.dimmed;
  context.fillRect(x, place.y, width, ROW_HEIGHT - 1);
  if (width < LEAST_DETAIL) return;
  const label = labels.labels[id];
  if (label === undefined) return;
  if (hit) paintTexture(context, scene, label.kind, { ...place, left: x, right: x + width });
  if (matched !== null && hit) {
    context.fillStyle = palette.match;
    context.fillRect(x, place.y + ROW_HEIGHT - 3, width, 2);
  }
  const text = scene.text.fit(label.name, width - 2 * TEXT_PADDING);
  if (text === '') return;
  context.fillStyle = hit ? palette.text : palette.textDimmed;
  context.fillText(text, x + TEXT_PADDING, place.y + ROW_HEIGHT / 2);
}

/** Kinds differ without colour. */
function paintTexture(
  context: CanvasRenderingContext2D,
  scene: FlameScene,
  kind: KeyKind,
  place: Place,
): void {
  const texture = textureOf(kind);
  if (texture === null) return;
  context.fillStyle = scene.textures[texture];
  context.fillRect(place.left, place.y, place.right - place.left, ROW_HEIGHT - 1);
}

function outline(
  context: CanvasRenderingContext2D,
  scene: FlameScene,
  box: number,
  kind: 'hover' | 'focus' = 'hover',
): void {
  const { viewport, palette } = scene;
  const { flame } = scene.model;
  if (box >= flame.length || flame.end[box]! <= viewport.from || flame.start[box]! >= viewport.to) {
    return;
  }
  const left = Math.max(0, xOf(viewport, flame.start[box]!));
  const right = Math.min(viewport.width, xOf(viewport, flame.end[box]!));
  let depth = 0;
  while (flame.rowStart[depth + 1]! <= box) depth++;
  const y = yOfRow(flame, viewport, depth);
  const width = Math.max(2, right - left - 1);
  if (kind === 'hover') {
    context.fillStyle = palette.hover;
    context.fillRect(left, y, width, ROW_HEIGHT - 1);
    return;
  }
  context.lineWidth = 2;
  context.strokeStyle = palette.focus;
  context.strokeRect(left + 1, y + 1, Math.max(1, width - 2), ROW_HEIGHT - 3);
}
