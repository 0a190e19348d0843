/**
 * Channel names between Electron's main process and the preload script: the transport of HostBridge.
 * Kept in one constant because a misspelt channel is silent.
 */
export const SHELL_CHANNELS = {
  /** page → shell, answered by ENGINE_PORT */
  requestEnginePort: 'shell:request-engine-port',
  /** shell → page, with one message port */
  enginePort: 'shell:engine-port',
  /** shell → page: detail */
  engineLost: 'shell:engine-lost',
  /** page → shell, answered: path or null */
  pickSessionToOpen: 'shell:pick-session-to-open',
  pickSavePath: 'shell:pick-save-path',
  pickFolder: 'shell:pick-folder',
  /** shell → page: path */
  openRequest: 'shell:open-request',
  /** shell → page: MenuCommand */
  menuCommand: 'shell:menu-command',
  /** page → shell: title */
  reportTitle: 'shell:report-title',
} as const;

/** Where the page is served from in the desktop app. */
export const PAGE_ORIGIN = 'app://bundle';
