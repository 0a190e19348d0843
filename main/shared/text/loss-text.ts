import type { LossEntry, LossReason } from '../model/session-info.ts';
import { formatQuantity } from './format-value.ts';

/**
 * lost: a sample is missing. reduced: the sample is there without all of its stack. context: something
 * around the samples is missing or distorted.
 */
export type LossEffect = 'lost' | 'reduced' | 'context';

/** A loss for people. */
export interface LossDescription {
  readonly effect: LossEffect;
  /** The count with its unit: "12 samples". */
  readonly quantity: string;
  /** What happened, one sentence. */
  readonly sentence: string;
  /** What to do about it, one sentence. */
  readonly remedy: string;
}

/** Every reason, most harmful first. */
export const LOSS_REASONS = [
  'ring-buffer-full',
  'engine-too-slow',
  'count-map-full',
  'record-malformed',
  'stack-map-full',
  'stack-missed',
  'stack-truncated',
  'histogram-full',
  'call-start-lost',
  'program-nested',
  'rate-limited',
  'backed-off',
  'user-stack-late',
  'target-set-full',
  'target-privileged',
  'process-facts-lost',
  'throttled',
] as const satisfies readonly LossReason[];

/** Says what an entry means and what to do. */
export function describeLoss(entry: LossEntry): LossDescription {
  const { noun, ...words } = wordsOf(entry.reason);
  return {
    quantity: formatQuantity(entry.count, noun, noun === 'process' ? 'processes' : `${noun}s`),
    ...words,
  };
}

/** Samples that are missing altogether: the figure to show beside the number recorded. */
export function lostSamples(loss: readonly LossEntry[]): number {
  let lost = 0;
  for (const { reason, count } of loss) {
    const { effect, noun } = wordsOf(reason);
    if (effect === 'lost' && noun === 'sample') lost += count;
  }
  return lost;
}

interface LossWords extends Omit<LossDescription, 'quantity'> {
  readonly noun: string;
}

function wordsOf(reason: LossReason): LossWords {
  switch (reason) {
    case 'ring-buffer-full':
      return {
        noun: 'sample',
        effect: 'lost',
        sentence:
          'The kernel had no room on the ring buffer because the helper did not read it in time.',
        remedy: 'Record at a lower rate, or leave the machine a little idle CPU time.',
      };
    case 'engine-too-slow':
      return {
        noun: 'sample',
        effect: 'lost',
        sentence: 'The helper had to drop samples because they were not stored in time.',
        remedy: 'Record at a lower rate, or write the session to a faster disk.',
      };
    case 'count-map-full':
      return {
        noun: 'sample',
        effect: 'lost',
        sentence: 'More different stacks came up in one time slice than the kernel could count.',
        remedy: 'Record in precise mode, narrow the target or lower the rate.',
      };
    case 'record-malformed':
      return {
        noun: 'record',
        effect: 'lost',
        sentence: 'A record from the kernel made no sense and was left out.',
        remedy: 'This is a defect: please report it with the kernel version shown in the report.',
      };
    case 'stack-map-full':
      return {
        noun: 'sample',
        effect: 'reduced',
        sentence: "There was no room for the sample's stack in the kernel's stack map.",
        remedy: 'Record in precise mode, which needs no such map, or narrow the target.',
      };
    case 'stack-missed':
      return {
        noun: 'sample',
        effect: 'reduced',
        sentence:
          'The kernel could not read a stack, for example because its memory was paged out.',
        remedy: 'Nothing needs doing for a few; the sample itself is counted.',
      };
    case 'stack-truncated':
      return {
        noun: 'sample',
        effect: 'reduced',
        sentence: 'The stack is deeper than 127 frames, so its root end is cut off.',
        remedy: 'Look at the inverted tree, which starts at the running function.',
      };
    case 'histogram-full':
      return {
        noun: 'call',
        effect: 'lost',
        sentence: 'More different keys came up in one second than the kernel could count.',
        remedy: 'Measure fewer functions at once, or narrow the target.',
      };
    case 'call-start-lost':
      return {
        noun: 'call',
        effect: 'lost',
        sentence:
          "A call's beginning could not be noted: calls were nested too deep, or memory was short.",
        remedy: 'Measure the inner function of a recursion, or fewer functions at once.',
      };
    case 'program-nested':
      return {
        noun: 'record',
        effect: 'lost',
        sentence: 'Our programs interrupted one another deeper than there is room for.',
        remedy: 'Nothing needs doing for a few; measure fewer sources at once otherwise.',
      };
    case 'rate-limited':
      return {
        noun: 'event',
        effect: 'lost',
        sentence: "The trace's limit of events per second was reached.",
        remedy: 'Filter more, or raise the limit.',
      };
    case 'backed-off':
      return {
        noun: 'call',
        effect: 'context',
        sentence:
          'Our own cost passed the limit, so only some calls were measured; they stand for the others.',
        remedy: 'Measure something less frequent, narrow the target, or raise --cost-limit.',
      };
    case 'user-stack-late':
      return {
        noun: 'sample',
        effect: 'reduced',
        sentence: 'A thread still waited when the recording ended, so its user stack was not read.',
        remedy: 'Nothing needs doing: the wait is counted, and its kernel stack is shown.',
      };
    case 'target-set-full':
      return {
        noun: 'process',
        effect: 'context',
        sentence: 'Too many child processes ran at once, so a new one was not followed.',
        remedy: 'Record their cgroup or the whole machine instead.',
      };
    case 'target-privileged':
      return {
        noun: 'process',
        effect: 'context',
        sentence:
          'A process became a program with more privileges than yours, so it was not followed further.',
        remedy: 'Record the whole machine to see it: that is authorized separately.',
      };
    case 'process-facts-lost':
      return {
        noun: 'record',
        effect: 'context',
        sentence:
          'News about processes and their mappings was lost, so some frames may lack names.',
        remedy:
          'Record fewer short-lived processes at once, or leave the machine some idle CPU time.',
      };
    case 'throttled':
      return {
        noun: 'period',
        effect: 'context',
        sentence: 'The kernel paused sampling because it took too much time.',
        remedy: 'Record at a lower rate, or raise kernel.perf_event_max_sample_rate.',
      };
  }
}
