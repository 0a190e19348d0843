import type { ProfilerError } from '#shared/errors.ts';
import type { CaptureMode, CaptureSpec, UnwindMode } from '#shared/model/capture-spec.ts';
import type { Result } from '#shared/result.ts';

import type { StartRequest } from './wire/helper-protocol.ts';

/** A CaptureSpec's target as the helper takes it: looked up, no path and no command left in it. */
export type ResolvedTarget = StartRequest['target'];

/** One choice a person has when recording with a source, with its range. */
export type SourceOption =
  | {
      readonly field: keyof CaptureSpec;
      readonly title: string;
      readonly kind: 'number';
      readonly unit: string;
      readonly min: number;
      readonly max: number;
      readonly initial: number;
    }
  | {
      readonly field: keyof CaptureSpec;
      readonly title: string;
      readonly kind: 'switch';
      readonly initial: boolean;
    }
  | {
      readonly field: keyof CaptureSpec;
      readonly title: string;
      readonly kind: 'choice';
      readonly choices: readonly (CaptureMode | UnwindMode)[];
      readonly initial: CaptureMode | UnwindMode;
    };

/**
 * One kind of measurement: everything the form, the command line and the helper need to know about
 * it. A new source is one file in sources/ and one line in sources/index.ts.
 */
export interface CaptureSource {
  readonly id: CaptureSpec['source'];
  readonly title: string;
  /** What one unit of a sample's weight is. */
  readonly weightUnit: 'samples' | 'nanoseconds' | 'bytes';
  readonly output: 'stacks' | 'histogram';
  readonly options: readonly SourceOption[];
  /** DoctorCheck ids that must not be 'missing'. */
  readonly requiredFeatures: readonly string[];
  /** One sentence, shown beside the start button. */
  readonly overhead: string;
  /** The fields of `spec` this source reads, checked against their ranges. */
  validate(spec: CaptureSpec): Result<CaptureSpec, ProfilerError>;
  /** Takes a validated spec. */
  toStartRequest(spec: CaptureSpec, target: ResolvedTarget): StartRequest;
}
