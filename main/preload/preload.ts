import { contextBridge, ipcRenderer } from 'electron';
import {
  ENGINE_PORT_MESSAGE,
  HOST_BRIDGE_GLOBAL,
  type HostBridge,
  MENU_COMMANDS,
  type MenuCommand,
} from '#shared/ipc/host-bridge.ts';
import { SHELL_CHANNELS } from '#shared/ipc/shell-channels.ts';

/** The part of the page's window used here; this layer is compiled without the DOM. */
declare const window: {
  postMessage(message: string, targetOrigin: string, transfer: readonly unknown[]): void;
};

/**
 * Values of one shell → page channel. What arrives before the page listens is kept for it: a file
 * named on the command line is known long before the page has loaded.
 */
function subscription(channel: string): (callback: (value: string) => void) => void {
  const early: string[] = [];
  let listener: ((value: string) => void) | null = null;
  ipcRenderer.on(channel, (_event, value: string) => {
    if (listener === null) early.push(value);
    else listener(value);
  });
  return (callback) => {
    listener = callback;
    for (const value of early.splice(0)) callback(value);
  };
}

// A port cannot cross the context bridge; a window message event carries it.
ipcRenderer.on(SHELL_CHANNELS.enginePort, (event) => {
  window.postMessage(ENGINE_PORT_MESSAGE, '/', event.ports as readonly unknown[]);
});

const ask = (channel: string, ...args: readonly unknown[]): Promise<string | null> =>
  ipcRenderer.invoke(channel, ...args) as Promise<string | null>;

const menuCommands = subscription(SHELL_CHANNELS.menuCommand);
const isMenuCommand = (command: string): command is MenuCommand =>
  (MENU_COMMANDS as readonly string[]).includes(command);

const bridge: HostBridge = {
  platform: 'electron',
  requestEnginePort: () => ipcRenderer.send(SHELL_CHANNELS.requestEnginePort),
  onEngineLost: subscription(SHELL_CHANNELS.engineLost),
  pickSessionToOpen: () => ask(SHELL_CHANNELS.pickSessionToOpen),
  pickSavePath: (suggestedName, kind) => ask(SHELL_CHANNELS.pickSavePath, suggestedName, kind),
  pickFolder: (current) => ask(SHELL_CHANNELS.pickFolder, current),
  onOpenRequest: subscription(SHELL_CHANNELS.openRequest),
  onMenuCommand: (callback) =>
    menuCommands((command) => {
      if (isMenuCommand(command)) callback(command);
    }),
  reportTitle: (title) => ipcRenderer.send(SHELL_CHANNELS.reportTitle, title),
};

contextBridge.exposeInMainWorld(HOST_BRIDGE_GLOBAL, bridge);
