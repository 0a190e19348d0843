import { describe, expect, it } from 'vitest';
import {
  boxAtPath,
  depthOf,
  heaviestBoxes,
  LabelTable,
  pathOf,
} from '../../../renderer/charts/flame-model.ts';
import {
  boxAt,
  ROW_HEIGHT,
  type Viewport,
  visibleRows,
} from '../../../renderer/charts/flamegraph-geometry.ts';
import { ProfileModel } from '../../../renderer/worker/profile-model.ts';
import {
  DEFAULT_VIEW,
  type Picture,
  type ViewSpec,
} from '../../../renderer/worker/profile-protocol.ts';
import { tablesOf } from '../../support/tables-of.ts';

function pictureOf(
  text: string,
  view: Partial<ViewSpec> = {},
  model = new ProfileModel(),
): Picture {
  return model.picture(tablesOf(text), { ...DEFAULT_VIEW, ...view }, 0);
}

/** Names of the labels a picture's boxes bear, in drawing order. */
function namesOf(picture: Picture): string[] {
  const labels = new LabelTable();
  labels.add(picture.labels);
  return Array.from(picture.flame.label, (id) => labels.nameOf(id));
}

const TEXT = `
  main;a;x  2
  main;b    6
  main      2`;
const VIEW: Viewport = { width: 1000, height: 200, scrollTop: 0, from: 0, to: 1, upward: false };

describe('boxAtPath', () => {
  it('finds the same place in a grown picture', () => {
    const model = new ProfileModel();
    const before = pictureOf(TEXT, {}, model);
    const x = namesOf(before).indexOf('x');
    const path = pathOf(before.flame, x);
    // The live tables only grow: functions keep their rows, so labels keep their ids.
    const after = pictureOf(`${TEXT}\nmain;a;aa 90\nmain;0 5`, {}, model);
    const box = boxAtPath(after.flame, path);
    expect(after.flame.label[box]).toBe(before.flame.label[x]);
    expect(after.flame.total[box]).toBe(2);
  });

  it('stops at the deepest frame that is still there', () => {
    const picture = pictureOf(TEXT);
    const a = namesOf(picture).indexOf('a');
    expect(boxAtPath(picture.flame, [...pathOf(picture.flame, a), 9999])).toBe(a);
  });
});

describe('boxAt', () => {
  it('hits the box under a point and nothing in the space of self weight', () => {
    const { flame } = pictureOf(TEXT);
    const hit = (x: number, row: number, upward = false): number =>
      boxAt(
        flame,
        { ...VIEW, upward },
        x,
        upward ? 200 - row * ROW_HEIGHT - 5 : row * ROW_HEIGHT + 5,
      );
    const names = namesOf(pictureOf(TEXT));
    expect([hit(100, 2), hit(500, 2), hit(900, 2), hit(100, 3), hit(100, 7)]).toEqual([
      names.indexOf('a'),
      names.indexOf('b'),
      -1,
      names.indexOf('x'),
      -1,
    ]);
    expect(hit(500, 2, true)).toBe(names.indexOf('b'));
  });
});

describe('visibleRows', () => {
  it('covers exactly the rows the viewport touches', () => {
    const { flame } = pictureOf('a;b;c;d;e;f;g;h;i;j 1');
    expect(visibleRows(flame, { ...VIEW, height: 60, scrollTop: 50 })).toEqual({
      first: 2,
      end: 6,
    });
    expect(visibleRows(flame, { ...VIEW, height: 60, upward: true })).toEqual({
      first: 8,
      end: 11,
    });
  });
});

describe('heaviestBoxes', () => {
  it('takes parents before children and leaves the lightest out', () => {
    const picture = pictureOf(TEXT);
    const names = namesOf(picture);
    const chosen = heaviestBoxes(picture.flame, 0, 4).map((box) => names[box]);
    expect(chosen).toEqual(['all', 'main', 'b', 'a']);
    expect(depthOf(picture.flame, names.indexOf('x'))).toBe(3);
  });
});

describe('ProfileModel', () => {
  it('tells every label once', () => {
    const model = new ProfileModel();
    const first = pictureOf(TEXT, {}, model);
    const second = pictureOf(TEXT, {}, model);
    expect([first.labels.labels.length, second.labels.labels.length]).toEqual([5, 0]);
  });

  it('shows the newest stretch of a live session', () => {
    const text = 'old 5 @1000\nnew 3 @9500';
    const picture = pictureOf(text, { window: { kind: 'last', span: 1e9 } });
    expect([picture.flame.total[0], picture.sessionWeight, picture.newest]).toEqual([3, 8, 9.5e9]);
  });

  it('searches the picture that is shown', () => {
    const model = new ProfileModel();
    pictureOf(TEXT, {}, model);
    const { functions, weight, of, problem } = model.search('/^[ab]$/');
    expect({ functions, weight, of, problem }).toEqual({
      functions: 2,
      weight: 8,
      of: 10,
      problem: null,
    });
    expect(model.search('/(/').problem).not.toBeNull();
  });
});
