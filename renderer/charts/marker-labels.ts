/** A label that belongs to a vertical line. */
export interface MarkerText {
  /** Line, pixels. */
  readonly x: number;
  /** Width of the label, pixels, its padding included. */
  readonly width: number;
}

/** Where a label goes. */
export interface MarkerPlace {
  /** Left edge of the label, pixels. */
  readonly left: number;
  /** Row above the plot; 0 is the lowest. */
  readonly row: number;
}

/**
 * Places labels beside the upper ends of their lines so that no label covers another label or the
 * line of another: a label that reaches over another line goes to a row above that line's end. Labels
 * stand right of their lines, left of them where there is no room. `markers` by ascending x.
 */
export function placeMarkers(markers: readonly MarkerText[], right: number): MarkerPlace[] {
  const flippedFrom = firstFlipped(markers, right);
  const places: (MarkerPlace | undefined)[] = markers.map(() => undefined);
  const place = (at: number): void => {
    const marker = markers[at]!;
    const left = Math.max(0, at < flippedFrom ? marker.x : marker.x - marker.width);
    let row = 0;
    places.forEach((other, index) => {
      if (other === undefined) return;
      const line = markers[index]!;
      const coversLine = line.x >= left && line.x <= left + marker.width;
      const coversLabel = other.left < left + marker.width && left < other.left + line.width;
      if (coversLine || coversLabel) row = Math.max(row, other.row + 1);
    });
    places[at] = { left, row };
  };
  // Right ones first: the labels left of them reach over their lines; flipped ones the other way.
  for (let at = flippedFrom - 1; at >= 0; at--) place(at);
  for (let at = flippedFrom; at < markers.length; at++) place(at);
  return places.map((found) => found ?? { left: 0, row: 0 });
}

/** Index of the first label that stands left of its line: from there on all do. */
function firstFlipped(markers: readonly MarkerText[], right: number): number {
  let from = markers.length;
  for (let at = markers.length - 1; at >= 0; at--) {
    const { x, width } = markers[at]!;
    const flipped = markers[from];
    // A label that would reach over the line of a flipped one flips as well, or each had to be above the other.
    const reaches = flipped !== undefined && x + width >= flipped.x;
    if (x + width <= right && !reaches) continue;
    from = at;
  }
  return from;
}
