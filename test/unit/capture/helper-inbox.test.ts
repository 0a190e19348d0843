import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { HelperInbox } from '../../../main/capture/helper-inbox.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** An inbox with a listener that notes what arrives; pieces are told apart by their length. */
function connected(waitsForKernel = true): { inbox: HelperInbox; heard: string[] } {
  const inbox = new HelperInbox(waitsForKernel);
  const heard: string[] = [];
  listenTo(inbox, heard);
  return { inbox, heard };
}

function listenTo(inbox: HelperInbox, heard: string[]): void {
  inbox.deliverTo(
    {
      kallsyms: (text) => heard.push(`kallsyms ${text.length}`),
      facts: (facts) => heard.push(`facts ${facts.length}`),
      data: (payload) => heard.push(`data ${payload.length}`),
      histogram: (payload) => heard.push(`histogram ${payload.length}`),
      stats: () => heard.push('stats'),
    },
    () => heard.push('kernel ready'),
  );
}
const bytes = (length: number): Uint8Array => new Uint8Array(length);

describe('HelperInbox', () => {
  it('keeps everything, in order, until a listener is there', () => {
    const inbox = new HelperInbox(false);
    inbox.facts([]);
    inbox.data(bytes(1));
    const heard: string[] = [];
    listenTo(inbox, heard);
    expect(heard).toEqual(['facts 0', 'data 1']);
  });

  it('lets the first samples wait for the kernel table', () => {
    const { inbox, heard } = connected();
    inbox.facts([]);
    inbox.data(bytes(1));
    inbox.facts([]);
    inbox.kallsyms(bytes(9));
    expect(heard).toEqual(['facts 0', 'kallsyms 9']);
    inbox.kallsyms(bytes(0));
    expect(heard.slice(2)).toEqual(['kernel ready', 'data 1', 'facts 0']);
  });

  it('lets samples that are told apart by function names wait until those are there', () => {
    const inbox = new HelperInbox(true, true);
    const heard: string[] = [];
    listenTo(inbox, heard);
    inbox.data(bytes(1));
    inbox.histogram(bytes(2));
    vi.advanceTimersByTime(5000);
    expect(heard).toEqual([]);
    inbox.kallsyms(bytes(9));
    inbox.kallsyms(bytes(0));
    expect(heard).toEqual(['kallsyms 9', 'kernel ready', 'data 1', 'histogram 2']);
  });

  it('takes a pause for the end of the table', () => {
    const { inbox, heard } = connected();
    inbox.data(bytes(1));
    inbox.kallsyms(bytes(9));
    vi.advanceTimersByTime(200);
    inbox.kallsyms(bytes(8));
    vi.advanceTimersByTime(200);
    expect(heard).toEqual(['kallsyms 9', 'kallsyms 8']);
    // The samples do not wait that long.
    vi.advanceTimersByTime(200);
    expect(heard.slice(2)).toEqual(['data 1']);
    vi.advanceTimersByTime(10_000);
    expect(heard.slice(3)).toEqual(['kernel ready']);
  });

  it('delivers the samples in good time where the table is slow, and the table when it is there', () => {
    const { inbox, heard } = connected();
    inbox.data(bytes(1));
    vi.advanceTimersByTime(510);
    expect(heard).toEqual(['data 1']);
    inbox.data(bytes(2));
    inbox.kallsyms(bytes(9));
    inbox.kallsyms(bytes(0));
    expect(heard.slice(1)).toEqual(['data 2', 'kallsyms 9', 'kernel ready']);
  });

  it('does not wait where no kernel stacks are recorded', () => {
    const { inbox, heard } = connected(false);
    inbox.data(bytes(1));
    expect(heard).toEqual(['data 1']);
  });

  it('delivers everything when the helper is gone', () => {
    const { inbox, heard } = connected();
    inbox.data(bytes(1));
    inbox.close();
    inbox.close();
    expect(heard).toEqual(['kernel ready', 'data 1']);
  });
});
