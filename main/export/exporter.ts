import type { ProfilerError } from '#shared/errors.ts';
import type { ExportFormat } from '#shared/ipc/contract.ts';
import type { SessionInfo } from '#shared/model/session-info.ts';
import type { SessionCursor, SessionDelta, SessionTables } from '#shared/model/session-tables.ts';
import type { Result } from '#shared/result.ts';

/** One output format. A new one is a file with an Exporter and a line in index.ts. */
export interface Exporter {
  readonly id: ExportFormat;
  /** For menus and help, e.g. "Folded stacks". */
  readonly title: string;
  /** File name extension without dot. */
  readonly extension: string;
  /** The document in pieces, in order. Pure: the same session gives the same text. */
  readonly render: (source: ExportSource) => Iterable<string>;
}

/** What is exported. */
export interface ExportSource {
  readonly tables: SessionTables;
  readonly info: SessionInfo;
  /** Row of SourceTable to export, or WALL_CLOCK; not given: the first. */
  readonly source?: number;
}

/** The part of a session reader that exporting needs; main/store's SessionReader is one. */
export interface ReadableSession {
  info(): Promise<Result<SessionInfo, ProfilerError>>;
  delta(from: SessionCursor): Promise<Result<SessionDelta, ProfilerError>>;
}
