import { button, fill, h } from '../dom.ts';

/** What stands in the place of the flame graph while there is none, and why. */
export class EmptyNote {
  readonly element = h('div', { class: 'empty', attributes: { role: 'status' } });

  hide(): void {
    this.element.hidden = true;
  }

  wait(): void {
    this.say('Reading the session…', '');
  }

  noSamples(recording: boolean): void {
    if (recording) {
      this.say('Waiting for the first samples…', 'They appear as soon as the target uses a CPU.');
    } else {
      this.say(
        'No samples in this session.',
        'The target used no CPU while it was recorded, or the recording was too short for its rate.',
      );
    }
  }

  nothingMatches(clear: () => void): void {
    this.say('Nothing in this selection.', 'No sample lies in the chosen time and processes.');
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
