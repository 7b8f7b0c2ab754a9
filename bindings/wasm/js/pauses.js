// How long to wait before connecting again: as the Rust driver does it, so that the clients of a relay that comes back do
// not all come back with it.

const FIRST = 250;
const LONGEST = 8000;

export class Pauses {
  #ceiling = 0;
  #random;

  constructor(/** @type {() => number} */ random = Math.random) {
    this.#random = random;
  }

  /** The next wait, ms: none at first, then drawn evenly from nothing to a ceiling that doubles. */
  next() {
    const wait = this.#ceiling * this.#random();
    this.#ceiling = Math.min(LONGEST, this.#ceiling * 2 || FIRST);
    return wait;
  }

  reset() {
    this.#ceiling = 0;
  }
}
