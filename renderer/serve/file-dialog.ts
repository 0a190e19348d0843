import type { SaveKind } from '#shared/ipc/host-bridge.ts';
import type { FolderListing } from '#shared/ipc/serve-contract.ts';
import type { Result } from '#shared/result.ts';
import { printable } from '#shared/text/printable-text.ts';
import { button, fill, h, setText } from '../dom.ts';
import { textInput } from '../views/fields.ts';

/** Asks the server what is in a folder. The error is a sentence. */
export type ListFolder = (path: string) => Promise<Result<FolderListing, string>>;

/** What is to be picked. */
export type Wish =
  | { readonly kind: 'open'; readonly extension: 'ember' }
  | { readonly kind: 'save'; readonly extension: SaveKind; readonly suggestedName: string }
  | { readonly kind: 'folder' };

interface Server {
  readonly hostname: string;
  /** Folder shown first. */
  readonly start: string;
  readonly list: ListFolder;
}

const WORDS = {
  open: { title: 'Open a session', accept: 'Open' },
  save: { title: 'Save', accept: 'Save' },
  folder: { title: 'Choose a folder', accept: 'Choose' },
} as const;

/**
 * A file dialog for the machine that serves: a browser cannot show its own for other machines. Null: cancelled.
 */
export function pickOnServer(wish: Wish, server: Server): Promise<string | null> {
  return new Promise((resolve) => {
    const dialog = new FileDialog(wish, server, resolve);
    void dialog.show(server.start);
  });
}

class FileDialog {
  private readonly wish: Wish;
  private readonly server: Server;
  private readonly element = h('dialog', {
    class: 'dialog file-dialog',
    attributes: { 'aria-labelledby': 'file-dialog-title' },
  });
  private readonly list = h('ul', { class: 'file-list', attributes: { 'aria-label': 'Files' } });
  private readonly fault = h('p', { class: 'file-fault', attributes: { role: 'alert' } });
  private readonly path: HTMLInputElement;
  private readonly accept: HTMLButtonElement;
  private listing: FolderListing | null = null;
  private answer: string | null = null;
  /** The person has been told that this file exists. */
  private replacing: string | null = null;

  constructor(wish: Wish, server: Server, done: (path: string | null) => void) {
    this.wish = wish;
    this.server = server;
    this.path = textInput({ value: '', mono: true, onInput: () => this.typed() });
    this.path.setAttribute('aria-label', `Path on ${server.hostname}`);
    const words = WORDS[wish.kind];
    this.accept = button({
      label: words.accept,
      class: 'button-primary',
      onPress: () => void this.take(),
    });
    const title = `${words.title} on ${server.hostname}`;
    fill(this.element, [
      h('header', { class: 'dialog-head' }, h('h2', { id: 'file-dialog-title' }, title)),
      h('div', { class: 'dialog-body' }, this.path, this.fault, this.list),
      h(
        'footer',
        { class: 'file-buttons' },
        button({ label: 'Cancel', onPress: () => this.element.close() }),
        this.accept,
      ),
    ]);
    this.path.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') void this.take();
    });
    this.element.addEventListener('close', () => {
      this.element.remove();
      done(this.answer);
    });
    document.body.append(this.element);
    this.element.showModal();
  }

  /** Shows a folder, its path in the field; for a file to be saved with the name so far. */
  async show(path: string): Promise<void> {
    const name = this.wish.kind === 'save' ? this.nameToSave() : '';
    const listing = await this.server.list(path);
    setText(this.fault, listing.ok ? '' : printable(listing.error));
    if (!listing.ok) {
      if (this.listing === null && path !== '/') await this.show('/');
      return;
    }
    this.listing = listing.value;
    const folder = inFolder(listing.value.path, '');
    this.path.value = folder + name;
    this.typed();
    this.fillList(listing.value);
  }

  private nameToSave(): string {
    if (this.listing !== null) return this.path.value.slice(this.path.value.lastIndexOf('/') + 1);
    if (this.wish.kind !== 'save') return '';
    const { suggestedName, extension } = this.wish;
    return `${suggestedName.replaceAll(/[/\p{Cc}]/gu, '-').slice(0, 120)}.${extension}`;
  }

  private fillList({ path, parent, folders, files, more }: FolderListing): void {
    const entries: HTMLElement[] = [];
    if (parent !== null) entries.push(this.entry('..', () => void this.show(parent)));
    for (const name of folders) {
      entries.push(this.entry(`${name}/`, () => void this.show(inFolder(path, name))));
    }
    for (const name of this.wish.kind === 'folder' ? [] : files.filter((file) => this.fits(file))) {
      entries.push(this.entry(name, () => this.choose(inFolder(path, name))));
    }
    if (more > 0) entries.push(h('li', {}, `and ${more} more: type the path`));
    fill(this.list, entries);
  }

  private entry(label: string, onPress: () => void): HTMLElement {
    return h('li', {}, button({ label: printable(label), class: 'button-quiet', onPress }));
  }

  private fits(name: string): boolean {
    return this.wish.kind === 'folder' || name.endsWith(`.${this.wish.extension}`);
  }

  private choose(path: string): void {
    this.path.value = path;
    this.typed();
    if (this.wish.kind === 'open') void this.take();
  }

  private typed(): void {
    this.replacing = null;
    const label = this.accept.querySelector('span');
    if (label !== null) setText(label, WORDS[this.wish.kind].accept);
  }

  private async take(): Promise<void> {
    const path = this.path.value;
    if (!path.startsWith('/')) {
      setText(this.fault, `Give the whole path on ${this.server.hostname}, from / on.`);
      return;
    }
    if (path.endsWith('/') && this.wish.kind !== 'folder') return this.show(path);
    if (this.wish.kind === 'save' && this.replacing !== path && (await this.exists(path))) {
      this.replacing = path;
      setText(this.fault, 'This file exists.');
      const label = this.accept.querySelector('span');
      if (label !== null) setText(label, 'Replace');
      return;
    }
    this.answer = path;
    this.element.close();
  }

  private async exists(path: string): Promise<boolean> {
    const slash = path.lastIndexOf('/');
    const listing = await this.server.list(path.slice(0, slash) || '/');
    return listing.ok && listing.value.files.includes(path.slice(slash + 1));
  }
}

const inFolder = (folder: string, name: string): string =>
  folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
