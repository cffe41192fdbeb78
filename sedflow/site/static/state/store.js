// One state of the page, and who is told when it changes. It knows no views.

/**
 * @template {Record<string, any>} T
 * @typedef {(state: Readonly<T>, changed: Set<string>) => void} Listener
 */

/** @template {Record<string, any>} T */
export class Store {
  /** @param {T} initial */
  constructor(initial) {
    /** @type {Readonly<T>} */
    this.state = Object.freeze({ ...initial });
    /** @type {Set<Listener<T>>} */
    this.listeners = new Set();
    /** @type {Set<string>} */
    this.changed = new Set();
    this.telling = false;
  }

  /** @returns {Readonly<T>} */
  get() {
    return this.state;
  }

  /**
   * Change values; those that are equal to what is there change nothing.
   * A change that a listener makes is told after everybody has heard of the one before.
   * @param {Partial<T>} values
   */
  set(values) {
    const names = Object.keys(values).filter((name) => !same(this.state[name], values[name]));
    if (!names.length) return;
    this.state = Object.freeze({ ...this.state, ...values });
    for (const name of names) this.changed.add(name);
    if (this.telling) return;
    this.telling = true;
    try {
      while (this.changed.size) {
        const changed = this.changed;
        this.changed = new Set();
        for (const listener of [...this.listeners]) listener(this.state, changed);
      }
    } finally {
      this.telling = false;
    }
  }

  /**
   * Be told of changes, until the function that is returned is called.
   * @param {Listener<T>} listener
   * @returns {() => void}
   */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

/**
 * A state that begins with these values.
 * @template {Record<string, any>} T
 * @param {T} initial
 */
export function createStore(initial) {
  return new Store(initial);
}

/** @param {unknown} a @param {unknown} b */
function same(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, k) => Object.is(v, b[k]));
  return Object.is(a, b);
}
