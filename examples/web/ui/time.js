// Times as people read them.

import { t } from './strings.js';

/**
 * A clock that counts down: `4:59`, `1:04:59`.
 * @param {number} seconds whole
 */
export function clock(seconds) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * A length of time in its largest whole unit: `90 s`, `15 min`, `6 h`.
 * @param {number} seconds
 */
export function length(seconds) {
  if (seconds % 3600 === 0) {
    return t.duration.hours(seconds / 3600);
  }
  return seconds % 60 === 0 ? t.duration.minutes(seconds / 60) : t.duration.seconds(seconds);
}

/**
 * How long ago, without a date: a room is over before one would be of use.
 * @param {number} ms
 */
export function ago(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) {
    return t.ago.now;
  }
  return minutes < 60 ? t.ago.minutes(minutes) : t.ago.hours(Math.floor(minutes / 60));
}

/**
 * The time of day.
 * @param {number} at ms since the Unix epoch
 */
export const timeOfDay = (at) =>
  new Intl.DateTimeFormat(document.documentElement.lang, { hour: 'numeric', minute: '2-digit' }).format(at);

/**
 * How much of the fuse is left, from 0 to 1. The same for everyone whatever they know of the room's past, so it is
 * drawn to an absolute scale: a day fills it, and each shortening of the rest by the same factor takes the same step.
 * @param {number} seconds
 */
export const fuseLength = (seconds) => Math.min(1, Math.log1p(Math.max(0, seconds) / 20) / Math.log1p(86_400 / 20));

/**
 * How close the end is, for colours.
 * @param {number} seconds
 * @returns {'calm' | 'warm' | 'hot' | 'last'}
 */
export function heat(seconds) {
  if (seconds > 600) {
    return 'calm';
  }
  if (seconds > 180) {
    return 'warm';
  }
  return seconds > 60 ? 'hot' : 'last';
}
