import type { ProfilerError } from '#shared/errors.ts';
import type { EngineEvent, ExportFormat, OpenSession } from '#shared/ipc/contract.ts';
import type { HostBridge } from '#shared/ipc/host-bridge.ts';
import type { CaptureSpec, CaptureTarget } from '#shared/model/capture-spec.ts';
import { describeError } from '#shared/text/error-text.ts';
import { formatBytes } from '#shared/text/format-value.ts';
import { describeTarget } from '#shared/text/target-text.ts';
import type { EngineClient } from '../engine-client.ts';
import { type AppState, isRecording, type Notice } from './app-state.ts';
import type { Store } from './store.ts';

/** What the page can do. The only code that changes AppState. */
export class Actions {
  private readonly store: Store<AppState>;
  private readonly engine: EngineClient;
  private readonly host: HostBridge;

  constructor(store: Store<AppState>, engine: EngineClient, host: HostBridge) {
    this.store = store;
    this.engine = engine;
    this.host = host;
  }

  async refreshStart(): Promise<void> {
    const [app, recents] = await Promise.all([
      this.engine.ask('app.info', {}),
      this.engine.ask('recents.list', {}),
    ]);
    if (app.ok) this.store.update({ app: app.value });
    else this.fail(app.error);
    if (recents.ok) this.store.update({ recents: recents.value });
  }

  showRecordForm(target: CaptureTarget['kind']): void {
    if (isRecording(this.store.get())) return;
    this.store.update({ page: { kind: 'record', target } });
  }

  async showStart(): Promise<void> {
    this.store.update({ page: { kind: 'start' } });
    await this.refreshStart();
  }

  async startCapture(spec: CaptureSpec): Promise<void> {
    if (this.store.get().busy !== null) return;
    this.dismiss('capture-failed');
    this.store.update({ starting: true });
    const started = await this.during('Starting the recording…', () =>
      this.engine.ask('capture.start', { spec }),
    );
    this.store.update({ starting: false });
    if (!started.ok) {
      this.fail(started.error, 'capture-failed');
      return;
    }
    this.store.update({ notices: [] });
    this.show(started.value);
  }

  /** Also takes back the question for a password. */
  async cancelStart(): Promise<void> {
    if (this.store.get().starting) await this.engine.ask('capture.cancel', {});
  }

  async stopCapture(): Promise<void> {
    const { session, busy } = this.store.get();
    if (session?.live === undefined || session.live === null || busy !== null) return;
    const stopped = await this.during('Finishing the file…', () =>
      this.engine.ask('capture.stop', {}),
    );
    if (stopped.ok) this.ended(stopped.value);
    else this.fail(stopped.error, 'capture-failed');
  }

  async pickAndOpen(): Promise<void> {
    const path = await this.host.pickSessionToOpen();
    if (path !== null) await this.open(path);
  }

  async open(path: string): Promise<void> {
    if (isRecording(this.store.get())) {
      this.notify({
        id: 'open-refused',
        tone: 'warning',
        title: 'A recording is running.',
        detail: `${path} was not opened.`,
        nextStep: 'Stop the recording first, then open the file.',
      });
      return;
    }
    this.dismiss('open-failed');
    if (!path.startsWith('/')) {
      const reason =
        'this is an address, and only files that this machine has a path for can be opened';
      this.fail({ kind: 'file-unreadable', path, reason }, 'open-failed');
      return;
    }
    const opened = await this.during('Opening…', () => this.engine.ask('session.open', { path }));
    if (opened.ok) this.show(opened.value);
    else this.fail(opened.error, 'open-failed');
  }

  async closeSession(): Promise<void> {
    const { session } = this.store.get();
    if (session === null) return this.showStart();
    if (session.live !== null) await this.stopCapture();
    const { id } = session.open;
    this.store.update({ session: null, notices: [] });
    await this.engine.ask('session.close', { id });
    await this.showStart();
  }

  async saveAs(): Promise<void> {
    const { session } = this.store.get();
    if (session === null || session.live !== null) return;
    const path = await this.host.pickSavePath(suggestedName(session.open), 'ember');
    if (path === null) return;
    const saved = await this.during('Saving…', () =>
      this.engine.ask('session.saveAs', { id: session.open.id, path }),
    );
    if (!saved.ok) {
      this.fail(saved.error, 'save-failed');
      return;
    }
    this.store.update({ session: { ...session, open: saved.value } });
    this.host.reportTitle(titleOf(saved.value));
    this.succeed('saved', 'Saved.', saved.value.path);
  }

  /** The window shows another source: row of SourceTable, or WALL_CLOCK. */
  showSource(source: number): void {
    if (this.store.get().source !== source) this.store.update({ source });
  }

  async exportAs(format: ExportFormat): Promise<void> {
    const { session, source } = this.store.get();
    if (session === null) return;
    const name = suggestedName(session.open);
    const path = await this.host.pickSavePath(name, format);
    if (path === null) return;
    const written = await this.during('Exporting…', () =>
      this.engine.ask('session.export', { id: session.open.id, format, path, source }),
    );
    if (!written.ok) {
      this.fail(written.error, 'export-failed');
      return;
    }
    this.succeed(
      'exported',
      'Exported.',
      `${written.value.path}, ${formatBytes(written.value.bytes)}`,
    );
  }

  async forgetRecent(path: string): Promise<void> {
    await this.engine.ask('recents.forget', { path });
    await this.refreshStart();
  }

  engineEvent(event: EngineEvent): void {
    const { session, starting } = this.store.get();
    if (event.event === 'capture-authenticating') {
      if (starting) this.store.update({ busy: AUTHENTICATING });
      return;
    }
    if (event.event === 'capture-progress') {
      const { progress } = event;
      if (session?.open.id !== progress.sessionId) return;
      this.store.update({
        session: { ...session, live: progress, open: { ...session.open, info: progress.info } },
      });
      return;
    }
    if (session?.open.id === event.session.id) {
      this.ended(event.session);
      this.store.update({ session: { open: event.session, live: null, ended: event.reason } });
    }
    if (event.error !== null) this.fail(event.error, 'capture-failed');
  }

  /** The engine died. What it had committed is in the file: say where. */
  engineLost(detail: string): void {
    const { session } = this.store.get();
    const recording = session !== null && session.live !== null;
    this.engine.lose(detail);
    if (session !== null) {
      const info = {
        ...session.open.info,
        state: recording ? ('interrupted' as const) : session.open.info.state,
      };
      this.store.update({ session: { ...session, live: null, open: { ...session.open, info } } });
    }
    const text = describeError({ kind: 'engine-lost', detail });
    this.notify({
      id: 'engine-lost',
      tone: 'error',
      title: text.title,
      detail: recording
        ? `${text.detail} The recording is in ${session.open.path}; at most its last second is missing.`
        : text.detail,
      nextStep: text.nextStep,
    });
  }

  notify(notice: Notice): void {
    const others = this.store.get().notices.filter((other) => other.id !== notice.id);
    this.store.update({ notices: [...others, notice] });
  }

  dismiss(id: string): void {
    const { notices } = this.store.get();
    this.store.update({ notices: notices.filter((notice) => notice.id !== id) });
  }

  fail(error: ProfilerError, id: string = error.kind): void {
    if (error.kind === 'cancelled') return;
    const { title, detail, nextStep } = describeError(error);
    this.notify({ id, tone: 'error', title, detail, nextStep });
  }

  private succeed(id: string, title: string, detail: string): void {
    this.notify({ id, tone: 'success', title, detail, nextStep: '' });
    setTimeout(() => this.dismiss(id), 6000);
  }

  private show(open: OpenSession): void {
    const before = this.store.get().session;
    if (before !== null && before.open.id !== open.id) {
      void this.engine.ask('session.close', { id: before.open.id });
    }
    const live =
      open.info.state === 'recording'
        ? {
            sessionId: open.id,
            phase: 'starting' as const,
            elapsed: open.info.duration,
            info: open.info,
          }
        : null;
    const notices = sessionNotices(open);
    this.store.update({ session: { open, live, ended: null }, page: { kind: 'session' }, notices });
    this.host.reportTitle(titleOf(open));
  }

  private ended(open: OpenSession): void {
    this.store.update({ session: { open, live: null, ended: 'stopped' } });
    this.host.reportTitle(titleOf(open));
  }

  private async during<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.store.update({ busy: what });
    try {
      return await work();
    } finally {
      this.store.update({ busy: null });
    }
  }
}

const AUTHENTICATING = 'Waiting for a password, in the dialog of the system…';

/** What has to be said about a session before its content. */
function sessionNotices(open: OpenSession): Notice[] {
  if (open.recovered || open.info.state === 'interrupted') {
    return [
      {
        id: 'recovered',
        tone: 'warning',
        title: 'This recording was interrupted.',
        detail:
          'Its writer ended before it could finish. Everything written until at most one second before is here.',
        nextStep: '',
      },
    ];
  }
  return [];
}

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const suggestedName = (open: OpenSession): string => fileName(open.path).replace(/\.ember$/, '');

function titleOf(open: OpenSession): string {
  const recording = open.info.state === 'recording';
  return recording ? `Recording ${describeTarget(open.info.spec.target)}` : fileName(open.path);
}
