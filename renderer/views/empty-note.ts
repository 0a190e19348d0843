import { button, fill, h } from '../dom.ts';

type Words = readonly [what: string, when: string, why: string];

/** What was measured, when it appears, and why there may be none; by SourceKind. */
const WAITING: Readonly<Record<string, Words>> = {
  'on-cpu': [
    'samples',
    'They appear as soon as the target uses a CPU.',
    'The target used no CPU while it was recorded, or the recording was too short for its rate.',
  ],
  'off-cpu': [
    'waits',
    'They appear when a thread runs again after waiting.',
    'No thread of the target waited for longer than the least length recorded.',
  ],
  'run-queue': [
    'waits for a CPU',
    'They appear when a thread gets a CPU after waiting for one.',
    'No thread of the target had to wait for a CPU for longer than the least length recorded.',
  ],
  'block-io': [
    'block requests',
    'They appear when a disk answers.',
    'The target made no request to a block device: its reads may have come from memory.',
  ],
};
const MEASURED: Words = [
  'calls',
  'They appear as soon as the target makes one.',
  'The target made no such call that was long enough to be recorded.',
];

/** What stands in the place of the flame graph while there is none, and why. */
export class EmptyNote {
  readonly element = h('div', { class: 'empty', attributes: { role: 'status' } });

  hide(): void {
    this.element.hidden = true;
  }

  wait(): void {
    this.say('Reading the session…', '');
  }

  /** `kind`: SourceKind of the source shown. */
  noSamples(recording: boolean, kind: string): void {
    if (recording) {
      const [what, when] = WAITING[kind] ?? MEASURED;
      this.say(`Waiting for the first ${what}…`, when);
    } else {
      const [what, , why] = WAITING[kind] ?? MEASURED;
      this.say(`No ${what} in this session.`, why);
    }
  }

  nothingMatches(clear: () => void): void {
    this.say('Nothing in this selection.', 'Nothing lies in all of the chosen parts.');
    this.element.append(button({ label: 'Show everything', onPress: clear }));
  }

  fail(reason: string): void {
    this.say('The data of this session cannot be shown.', reason);
  }

  private say(title: string, text: string): void {
    this.element.hidden = false;
    fill(this.element, [
      h('div', { class: 'empty-title' }, title),
      text === '' ? null : h('div', { class: 'empty-text' }, text),
    ]);
  }
}
