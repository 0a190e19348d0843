import { app, session } from 'electron';
import { PAGE_ORIGIN } from '#shared/ipc/shell-channels.ts';

/** Nothing leaves the machine and nothing comes in: the page is bundled, its data local. */
const OUTSIDE = ['http://*/*', 'https://*/*', 'ws://*/*', 'wss://*/*', 'ftp://*/*', 'file://*/*'];

/** Locks every page down; before any window exists. */
export function lockDown(): void {
  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => {
    answer(false);
  });
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.webRequest.onBeforeRequest({ urls: OUTSIDE }, (_request, answer) => {
    answer({ cancel: true });
  });
  app.on('web-contents-created', (_event, contents) => {
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
    contents.on('will-attach-webview', (event) => {
      event.preventDefault();
    });
    contents.on('will-navigate', (event) => {
      if (!isOwnPage(event.url)) event.preventDefault();
    });
    // about:blank is entered without asking, with our preload script in it: back at once.
    contents.on('did-navigate', (_navigation, url) => {
      if (!isOwnPage(url) && !url.startsWith('devtools:')) {
        void contents.loadURL(`${PAGE_ORIGIN}/index.html`);
      }
    });
  });
}

/** Whether a URL belongs to our page. */
export const isOwnPage = (url: string): boolean => url.startsWith(`${PAGE_ORIGIN}/`);
