// The one clock (section 12.2): anchored to wall time once, then driven by one that never steps.
//
// `performance.now()` does not count suspends everywhere, so the wall clock is looked at as well: where it has gone on
// much further than the other, the machine has slept, and the time it slept counts. A wall clock that is put forward
// cannot be told from that, and ends rooms early rather than late; one that is put back changes nothing.

/** What counts as sleep, ms. */
const SLEPT = 2000;

export class Clock {
  #wall;
  #steady;
  #lastWall;
  #lastSteady;
  #now;

  /**
   * @param {() => number} [wall]
   * @param {() => number} [steady]
   */
  constructor(wall = () => Date.now(), steady = () => performance.now()) {
    this.#wall = wall;
    this.#steady = steady;
    this.#lastWall = wall();
    this.#lastSteady = steady();
    this.#now = this.#lastWall;
  }

  /** Milliseconds since the Unix epoch. */
  now() {
    const wall = this.#wall();
    const steady = this.#steady();
    const [byWall, bySteady] = [wall - this.#lastWall, Math.max(0, steady - this.#lastSteady)];
    this.#now += byWall > bySteady + SLEPT ? byWall : bySteady;
    this.#lastWall = wall;
    this.#lastSteady = steady;
    return Math.floor(this.#now);
  }
}

/** The clock of this page. */
export const clock = new Clock();
