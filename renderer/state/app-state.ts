import type { ProfilerError } from '#shared/errors.ts';
import type {
  AppInfo,
  CaptureEndReason,
  CaptureProgress,
  OpenSession,
  RecentSession,
} from '#shared/ipc/contract.ts';
import type { CaptureTarget } from '#shared/model/capture-spec.ts';

/** Everything the page shows that is not drawn from the tables. Changed only by actions. */
export interface AppState {
  readonly page: Page;
  /** Null until the engine has answered. */
  readonly app: AppInfo | null;
  readonly recents: readonly RecentSession[];
  readonly session: SessionState | null;
  /** Row of the source shown, or WALL_CLOCK: what is exported. */
  readonly source: number;
  /** Something is being done that takes time: what, for people. Null: nothing. */
  readonly busy: string | null;
  /** A recording is being started, and can still be given up. */
  readonly starting: boolean;
  readonly notices: readonly Notice[];
}

export type Page =
  | { readonly kind: 'start' }
  | { readonly kind: 'record'; readonly target: CaptureTarget['kind'] }
  | { readonly kind: 'session' };

export interface SessionState {
  readonly open: OpenSession;
  /** Null: not recording (any more). */
  readonly live: CaptureProgress | null;
  /** Why the recording ended, while that is news. */
  readonly ended: CaptureEndReason | null;
}

/** A banner above the content. One per id: a newer one replaces the older. */
export interface Notice {
  readonly id: string;
  readonly tone: 'error' | 'warning' | 'info' | 'success';
  readonly title: string;
  readonly detail: string;
  readonly nextStep: string;
}

export const INITIAL_STATE: AppState = {
  page: { kind: 'start' },
  app: null,
  recents: [],
  session: null,
  source: 0,
  busy: null,
  starting: false,
  notices: [],
};

/** Whether a recording is under way that this window shows. */
export const isRecording = ({ session }: AppState): boolean =>
  session !== null && session.live !== null;

/** Why recording is impossible here, or null. */
export const captureProblem = (app: AppInfo['capture'] | undefined): ProfilerError | null =>
  app === undefined || app.ok ? null : app.error;
