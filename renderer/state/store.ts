/** A value that changes, and those who want to know. */
export interface Store<T> {
  get(): T;
  /** Replaces fields; listeners are called once, after this turn's last change. */
  update(change: Partial<T>): void;
  /** Calls back now and after every change. */
  subscribe(listener: (state: T) => void): void;
}

export function createStore<T extends object>(initial: T): Store<T> {
  let state = initial;
  let scheduled = false;
  const listeners: ((state: T) => void)[] = [];
  const announce = (): void => {
    scheduled = false;
    for (const listener of listeners) listener(state);
  };
  return {
    get: () => state,
    update(change) {
      state = { ...state, ...change };
      if (scheduled) return;
      scheduled = true;
      queueMicrotask(announce);
    },
    subscribe(listener) {
      listeners.push(listener);
      listener(state);
    },
  };
}
