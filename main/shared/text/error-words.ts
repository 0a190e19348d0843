/** An error for people. Plain sentences; facts in them are quoted as they were found. */
export interface ErrorText {
  /** What happened, a few words without full stop. */
  readonly title: string;
  /** Why, one or two sentences. */
  readonly detail: string;
  /** What to do next, one or two sentences. */
  readonly nextStep: string;
}
