import { describe, expect, it } from 'vitest';
import {
  CAPTURE_END_REASONS,
  type CaptureEndReason,
} from '../../../main/shared/model/session-info.ts';
import { describeEnd } from '../../../main/shared/text/end-text.ts';

describe('describeEnd', () => {
  it('says nothing of a recording that runs or ended as it was meant to', () => {
    const silent = CAPTURE_END_REASONS.filter(
      (reason) => describeEnd({ reason, error: '' }) === null,
    );
    expect(silent).toEqual<CaptureEndReason[]>(['stopped', 'duration-over']);
    expect(describeEnd(null)).toBeNull();
  });

  it('tells a failure with its sentences, and an error whatever the reason', () => {
    const error = 'The helper ended. It said nothing.';
    expect(describeEnd({ reason: 'failed', error })).toEqual({
      text: 'ended by a failure',
      detail: error,
    });
    for (const reason of CAPTURE_END_REASONS) {
      expect(describeEnd({ reason, error })?.detail).toBe(error);
    }
  });
});
