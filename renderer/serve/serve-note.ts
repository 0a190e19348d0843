import { h, setText } from '../dom.ts';

/** What a person must know who sees the window of another machine. */
export interface ServeNote {
  readonly element: HTMLElement;
  setHost(hostname: string): void;
  /** Why this page is not connected yet; empty: it is. */
  setWaiting(why: string): void;
  /** Whether a recording can start there. */
  setCapture(isPossible: boolean): void;
}

/** A line at the page's end: whose files these are, and how recording becomes possible. */
export function createServeNote(): ServeNote {
  const where = h('span');
  const how = h('span', { class: 'serve-note-how' });
  const waiting = h('strong', { class: 'serve-note-waiting', attributes: { role: 'alert' } });
  const element = h(
    'aside',
    { class: 'serve-note', attributes: { 'aria-label': 'Serve mode' } },
    where,
    how,
  );
  return {
    element,
    setHost: (hostname) =>
      setText(where, `Served by ${hostname}: files are opened and written there.`),
    setWaiting: (why) => {
      setText(waiting, why);
      // An alert that says nothing is none. Put in again it would be read out again.
      if (why === '') waiting.remove();
      else if (!waiting.isConnected) element.append(waiting);
    },
    setCapture: (isPossible) =>
      setText(
        how,
        isPossible
          ? ''
          : 'Recording there needs "sudo emberscope serve", or a helper that has been given its capabilities.',
      ),
  };
}
