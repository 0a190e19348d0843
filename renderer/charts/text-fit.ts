/** Fits names into boxes. The font is monospaced: one measured width serves every ASCII text. */
export class TextFit {
  private readonly context: CanvasRenderingContext2D;
  private charWidth = 0;
  private font = '';
  /** Widths of texts with characters of other widths. */
  private readonly wide = new Map<string, number>();

  constructor(context: CanvasRenderingContext2D) {
    this.context = context;
  }

  /** Measures again if the font differs from the last one. Call before a frame. */
  useFont(font: string): void {
    this.context.font = font;
    if (font === this.font && this.charWidth > 0) return;
    this.font = font;
    this.charWidth = this.context.measureText('x'.repeat(64)).width / 64;
    this.wide.clear();
  }

  /** Forgets what was measured, e.g. because the font has only now been loaded. */
  invalidate(): void {
    this.font = '';
  }

  /** The text, or its beginning and an ellipsis, or nothing where not even three characters fit. */
  fit(text: string, width: number): string {
    const room = Math.floor(width / this.charWidth);
    if (isAscii(text)) {
      if (text.length <= room) return text;
      return room < 3 ? '' : `${text.slice(0, room - 1)}…`;
    }
    if (this.widthOf(text) <= width) return text;
    if (room < 3) return '';
    let end = Math.min(text.length, room - 1);
    while (end > 1 && this.widthOf(`${text.slice(0, end)}…`) > width) end--;
    return `${text.slice(0, end)}…`;
  }

  private widthOf(text: string): number {
    let width = this.wide.get(text);
    if (width === undefined) {
      if (this.wide.size > 5000) this.wide.clear();
      width = this.context.measureText(text).width;
      this.wide.set(text, width);
    }
    return width;
  }
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 126) return false;
  return true;
}
