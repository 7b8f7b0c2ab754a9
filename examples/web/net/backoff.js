// When to try again: soon, then less and less often, and never all at once.

const FIRST = 250;
const MOST = 10_000;

export class Backoff {
  #tries = 0;
  #random;

  constructor(/** @type {() => number} */ random = Math.random) {
    this.#random = random;
  }

  /** How long to wait before the next try, ms. The first is made at once. */
  next() {
    const most = Math.min(MOST, FIRST * 2 ** (this.#tries - 1));
    const wait = this.#tries === 0 ? 0 : most / 2 + (most / 2) * this.#random();
    this.#tries += 1;
    return Math.round(wait);
  }

  reset() {
    this.#tries = 0;
  }
}
