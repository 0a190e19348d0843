import { describe, expect, it } from 'vitest';

import { FactQueue } from '../../../main/capture/fact-queue.ts';
import type { ProcessFact } from '../../../main/capture/wire/helper-protocol.ts';
import {
  execFact,
  exitFact,
  forkFact,
  mappingFact,
  processFact,
  threadFact,
} from '../../support/facts.ts';

/** The order in which messages of facts are applied, as "kind pid@due". */
function orderOf(...messages: (readonly ProcessFact[])[]): string[] {
  const queue = new FactQueue();
  for (const facts of messages) queue.add(facts);
  const order: string[] = [];
  for (let due = queue.nextNs; due < Infinity; due = queue.nextNs) {
    const fact = queue.take()!;
    order.push(`${fact.kind} ${fact.pid}@${due}`);
  }
  return order;
}

describe('FactQueue', () => {
  it('applies facts of several messages in order of time', () => {
    expect(
      orderOf([execFact(1, 'a', '/a', 300)], [exitFact(2, 100), mappingFact(1, 1, 2, '/a', 310)]),
    ).toEqual(['exit 2@100', 'exec 1@300', 'mapping 1@310']);
  });

  it('keeps a look at /proc together, at the start of its process', () => {
    expect(orderOf([forkFact(2, 1, 50)], [processFact(9, 'a', 20), threadFact(9, 9, 'a')])).toEqual(
      ['process 9@20', 'thread 9@20', 'fork 2@50'],
    );
  });

  it('keeps a look at /proc together when it fills two messages', () => {
    expect(
      orderOf(
        [forkFact(2, 1, 10), processFact(9, 'a', 20), mappingFact(9, 0, 1, '/a')],
        [mappingFact(9, 2, 3, '/b'), threadFact(9, 9, 'a')],
      ),
    ).toEqual(['fork 2@10', 'process 9@20', 'mapping 9@20', 'mapping 9@20', 'thread 9@20']);
  });

  it('completes a fork whose process comes with the next message', () => {
    expect(
      orderOf([forkFact(5, 1, 100)], [{ ...processFact(5, 'a', 0), start: 0 }, exitFact(3, 50)]),
    ).toEqual(['exit 3@50', 'fork 5@100', 'process 5@100']);
  });

  it('names a thread after the fork that an earlier message told of', () => {
    expect(
      orderOf([forkFact(5, 1, 100)], [exitFact(7, 120)], [threadFact(5, 5, 'worker')]),
    ).toEqual(['fork 5@100', 'exit 7@120', 'thread 5@120']);
  });

  it('names a thread after its fork also when another process was looked at in between', () => {
    expect(
      orderOf(
        [forkFact(5, 1, 100)],
        [processFact(8, 'b', -1e9), mappingFact(8, 0, 1, '/b')],
        [threadFact(5, 5, 'worker')],
      ),
    ).toEqual(['process 8@-1000000000', 'mapping 8@-1000000000', 'fork 5@100', 'thread 5@100']);
  });
});
