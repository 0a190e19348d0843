import { describe, expect, it } from 'vitest';
import { WALL_CLOCK } from '#shared/model/call-tree-selection.ts';
import {
  callNoun,
  formatWeight,
  unitHeading,
  unitOf,
  weightFigure,
} from '#shared/text/weight-text.ts';
import { ON_CPU } from '../../support/on-cpu.ts';
import { tablesOf } from '../../support/tables-of.ts';
import { FAULTS, OFF_CPU, withSources } from '../../support/with-sources.ts';

describe('formatWeight', () => {
  it('says each unit in its own words', () => {
    expect(formatWeight(1, 'samples')).toBe('1 sample');
    expect(formatWeight(12, 'samples')).toBe('12 samples');
    expect(formatWeight(1_250_000, 'nanoseconds')).toBe('1.25 ms');
    expect(formatWeight(3, 'events')).toBe('3 events');
  });

  it('leaves the unit to the heading where there is one, but not of durations', () => {
    expect([weightFigure(12, 'samples'), unitHeading('samples')]).toEqual(['12', 'samples']);
    expect([weightFigure(2e9, 'nanoseconds'), unitHeading('nanoseconds')]).toEqual(['2 s', 'time']);
    expect([weightFigure(3, 'events'), unitHeading('events')]).toEqual(['3', 'events']);
  });
});

describe('unitOf', () => {
  const { sources } = withSources(tablesOf(''), {
    sources: [ON_CPU, OFF_CPU, FAULTS],
    samples: [],
  });

  it("is the source's, of the wall clock ns, and of what nobody knows samples", () => {
    expect([0, 1, 2, WALL_CLOCK, 9].map((source) => unitOf(sources, source))).toEqual([
      ...['samples', 'nanoseconds', 'events'],
      ...['nanoseconds', 'samples'],
    ]);
    expect(unitOf({ ...sources, unit: ['parsecs'] }, 0)).toBe('samples');
  });
});

describe('callNoun', () => {
  it('names what a source measures', () => {
    expect(['on-cpu', 'off-cpu', 'block-io', 'trace', 'function'].map(callNoun)).toEqual([
      ...['sample', 'wait', 'request', 'event', 'call'],
    ]);
  });
});
