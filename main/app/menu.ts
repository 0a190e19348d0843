import { app, Menu, type MenuItemConstructorOptions } from 'electron';
import type { MenuCommand } from '#shared/ipc/host-bridge.ts';

type Send = (command: MenuCommand) => void;

/** Builds the menu bar; every command is carried out by the page, which knows its state. */
export function installMenu(send: Send): void {
  const item = (
    label: string,
    command: MenuCommand,
    accelerator?: string,
  ): MenuItemConstructorOptions => ({
    label,
    ...(accelerator === undefined ? {} : { accelerator }),
    click: () => {
      send(command);
    },
  });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const template: MenuItemConstructorOptions[] = [
    {
      label: '&File',
      submenu: [
        item('&Open Session…', 'open', 'Ctrl+O'),
        item('Save &As…', 'save-as', 'Ctrl+Shift+S'),
        {
          label: '&Export',
          submenu: [
            item('Flame Graph as &SVG…', 'export-svg'),
            item('Flame Graph as &HTML Page…', 'export-html'),
            item('&Folded Stacks…', 'export-folded'),
          ],
        },
        separator,
        item('&Close Session', 'close-session', 'Ctrl+W'),
        { label: '&Quit', role: 'quit', accelerator: 'Ctrl+Q' },
      ],
    },
    {
      label: '&Record',
      submenu: [
        item('&New Recording…', 'record', 'Ctrl+R'),
        item('&Stop Recording', 'stop', 'Ctrl+.'),
      ],
    },
    {
      label: '&View',
      submenu: [
        item('&Find…', 'find', 'Ctrl+F'),
        item('&Reset Zoom', 'zoom-reset', 'Ctrl+0'),
        item('&Invert Stacks', 'toggle-inverted', 'Ctrl+I'),
        item('Fl&ip Direction', 'toggle-orientation', 'Ctrl+J'),
        item('&Quality of Stacks and Names', 'toggle-quality', 'Ctrl+Shift+A'),
        separator,
        { label: '&Larger Text', role: 'zoomIn', accelerator: 'Ctrl+Plus' },
        { label: '&Smaller Text', role: 'zoomOut', accelerator: 'Ctrl+-' },
        { label: '&Normal Text', role: 'resetZoom', accelerator: 'Ctrl+Shift+0' },
        { label: 'F&ull Screen', role: 'togglefullscreen', accelerator: 'F11' },
        ...(app.isPackaged ? [] : [separator, { role: 'toggleDevTools' } as const]),
      ],
    },
    {
      label: '&Help',
      submenu: [
        item('&Keyboard Shortcuts', 'show-shortcuts', 'F1'),
        item('&What Works on This System', 'doctor'),
        separator,
        item('&About Emberscope', 'about'),
      ],
    },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
