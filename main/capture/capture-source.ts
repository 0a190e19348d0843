import type { ProfilerError } from '#shared/errors.ts';
import type {
  CaptureMode,
  CaptureSpec,
  SourceKind,
  SourceSpec,
  UnwindMode,
} from '#shared/model/capture-spec.ts';
import type { WeightUnit } from '#shared/model/session-tables.ts';
import type { Result } from '#shared/result.ts';

import type { SourceRequest, StartRequest } from './wire/helper-protocol.ts';

/** A CaptureSpec's target as the helper takes it: looked up, no path and no command left in it. */
export type ResolvedTarget = StartRequest['target'];

/** One choice a person has when recording with a source, with its range. */
export type SourceOption =
  | {
      readonly field: string;
      readonly title: string;
      readonly kind: 'number';
      readonly unit: string;
      readonly min: number;
      readonly max: number;
      readonly initial: number;
    }
  | {
      readonly field: string;
      readonly title: string;
      readonly kind: 'switch';
      readonly initial: boolean;
    }
  | {
      readonly field: string;
      readonly title: string;
      readonly kind: 'choice';
      readonly choices: readonly (CaptureMode | UnwindMode)[];
      readonly initial: CaptureMode | UnwindMode;
    };

/** What one key of a source is called: rows of the series table. */
export interface SeriesLabel {
  /** E.g. "read". */
  readonly name: string;
  /** What else tells it apart, e.g. "ENOENT"; empty. */
  readonly variant: string;
}

/** A key as the programs write it: stack_sample.key as two words. */
export interface SeriesKey {
  readonly low: number;
  readonly high: number;
}

/** What a source may look up to name its keys. */
export interface LabelFacts {
  /** Name of the kernel function at an address; empty: not known (yet). */
  readonly kernelFunction: (key: SeriesKey) => string;
}

/** A SourceSpec of one kind. */
export type SpecOf<K extends SourceKind> = Extract<SourceSpec, { kind: K }>;

/**
 * One kind of measurement: everything the form, the command line and the helper need to know about
 * it. A new source is one file in sources/ and one line in sources/index.ts, one BPF object, and one
 * file and line in main/helper/instruments.
 */
export interface CaptureSource<K extends SourceKind = SourceKind> {
  readonly kind: K;
  /** Heading of the source in the form and in `--help`. */
  readonly title: string;
  /** What one unit of a sample's weight and value is. */
  readonly unit: WeightUnit;
  readonly options: readonly SourceOption[];
  /** DoctorCheck ids that must not be 'missing'. */
  readonly requiredFeatures: readonly string[];
  /** One sentence, shown beside the start button. */
  readonly overhead: string;
  /** Name of one source of a recording, e.g. "vfs_read". */
  titleOf(source: SpecOf<K>): string;
  /** The source's fields, and those of `spec` it reads, checked against their ranges. */
  validate(source: SpecOf<K>, spec: CaptureSpec): Result<null, ProfilerError>;
  /** Takes a validated spec; looks up what the helper must not (symbols of binaries, formats). */
  toRequest(
    source: SpecOf<K>,
    spec: CaptureSpec,
  ): Result<SourceRequest, ProfilerError> | Promise<Result<SourceRequest, ProfilerError>>;
  /** Name of a key; absent: the source has no keys, or one. */
  labelOf?(key: SeriesKey, source: SpecOf<K>, facts: LabelFacts): SeriesLabel;
}
