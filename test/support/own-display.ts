import { copyFileSync } from 'node:fs';
import type { MachineUser } from './machine-user.ts';
import { firstLine, type ThrowAwayMachine } from './throw-away-machine.ts';
import { until } from './until.ts';

const SIZE = '1400x900x24';

/** A display of its own with a window manager, for what other tests' windows would be in the way of. */
export class OwnDisplay {
  readonly #machine: ThrowAwayMachine;
  /** The user as he is in front of it. */
  readonly user: MachineUser;

  private constructor(machine: ThrowAwayMachine, user: MachineUser) {
    this.#machine = machine;
    this.user = user;
  }

  static async start(machine: ThrowAwayMachine, user: MachineUser): Promise<OwnDisplay> {
    const screen = ['-screen', '0', SIZE, '-nolisten', 'tcp', '-noreset'];
    const server = machine.start(['Xvfb', '-displayfd', '1', ...screen], 'root');
    const env = { ...user.env, DISPLAY: `:${await firstLine(server)}`, XAUTHORITY: '' };
    const display = new OwnDisplay(machine, { ...user, env });
    machine.start(['openbox'], display.user);
    const isManaged = () => display.#run('xdotool', 'get_num_desktops').status === 0;
    await until(isManaged, 'a window manager');
    return display;
  }

  #run(...command: readonly string[]): ReturnType<ThrowAwayMachine['run']> {
    return this.#machine.run(command, { asUser: this.user });
  }

  /** Waits for the visible window with that title; returns its number. */
  window(title: RegExp): string {
    const search = ['xdotool', 'search', '--sync', '--onlyvisible', '--name', title.source];
    const [first = ''] = this.#machine
      .must(['timeout', '30', ...search], { asUser: this.user })
      .split('\n');
    return first;
  }

  /** Whether a visible window has that title. */
  has(title: RegExp): boolean {
    return this.#run('xdotool', 'search', '--onlyvisible', '--name', title.source).status === 0;
  }

  /** Types text into whatever window has the keyboard, as a person does. */
  type(text: string): void {
    this.#machine.must(['xdotool', 'type', '--delay', '20', text], { asUser: this.user });
  }

  press(key: string): void {
    this.#machine.must(['xdotool', 'key', key], { asUser: this.user });
  }

  /** Waits until a window has the keyboard. */
  async focused(window: string): Promise<void> {
    const hasIt = () => this.#run('xdotool', 'getwindowfocus').stdout.trim() === window;
    await until(hasIt, 'the keyboard for a window');
  }

  /** A picture of everything on the screen, as a file of this process's. */
  picture(path: string): void {
    const inside = `${this.user.home}/screen.png`;
    this.#machine.must(['scrot', '--overwrite', inside], { asUser: this.user });
    copyFileSync(this.#machine.path(inside), path);
  }
}
