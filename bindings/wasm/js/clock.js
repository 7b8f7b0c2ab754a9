// What time it is (spec section 12.2): the time of day once, and from there a clock that never steps.
//
// `performance.now()` stands still on some systems while the machine sleeps. So the time of day is looked at as well:
// where it has gone much further, the machine has slept and the sleep counts. Somebody who puts the clock of such a
// machine forward ends rooms early; putting it back changes nothing.

/** A lead of the time of day that is taken for sleep, ms. */
const ASLEEP = 2000;

/** @typedef {{ now(): number }} Clock milliseconds since the Unix epoch, never going back */

/**
 * @param {() => number} [timeOfDay]
 * @param {() => number} [steady]
 * @returns {Clock}
 */
export function startClock(timeOfDay = Date.now, steady = () => performance.now()) {
  let day = timeOfDay();
  let mark = steady();
  let now = day;
  return {
    now() {
      const [newDay, newMark] = [timeOfDay(), steady()];
      const passed = Math.max(0, newMark - mark);
      now += newDay - day > passed + ASLEEP ? newDay - day : passed;
      [day, mark] = [newDay, newMark];
      return Math.floor(now);
    },
  };
}
