// Pictures, drawn on a grid of 24 with round lines.

import { svg } from './dom.js';

const PATHS = {
  people: ['M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z', 'M2.5 20c.4-3.6 3-5.5 6.5-5.5s6.1 1.9 6.5 5.5', 'M16 4.5a3.2 3.2 0 0 1 0 6.2', 'M18.5 14.8c1.8.8 2.8 2.6 3 5.2'],
  shield: ['M12 3l7.5 2.8v5.4c0 4.6-3 8-7.5 9.8-4.5-1.8-7.5-5.2-7.5-9.8V5.8z', 'M8.8 12l2.3 2.3 4.2-4.5'],
  share: ['M12 15V4', 'M8 7.5L12 3.5l4 4', 'M5 12.5v6a1.5 1.5 0 0 0 1.5 1.5h11a1.5 1.5 0 0 0 1.5-1.5v-6'],
  more: ['M5 7h9', 'M18 7h1', 'M16 5v4', 'M5 12h1', 'M10 12h9', 'M8 10v4', 'M5 17h9', 'M18 17h1', 'M16 15v4'],
  send: ['M12 19.5V5', 'M5.5 11L12 4.5l6.5 6.5'],
  close: ['M6 6l12 12', 'M18 6L6 18'],
  lock: ['M6.5 11h11v8.5h-11z', 'M8.5 11V8a3.5 3.5 0 0 1 7 0v3'],
  dice: ['M5 5h14v14H5z', 'M9 9h.01', 'M15 15h.01', 'M15 9h.01', 'M9 15h.01', 'M12 12h.01'],
  copy: ['M9 9h10v11H9z', 'M15 9V4.5H5V15.5h4'],
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  checks: ['M2.5 12.5l4.5 4.5L16 8', 'M11.5 16l1 1L22 7.5'],
  clock: ['M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Z', 'M12 7.5V12l3 2'],
  flame: ['M12 3c.5 3.5 5.5 5.5 5.5 11a5.5 5.5 0 0 1-11 0c0-2.2 1-3.6 2.2-4.8.3 1.6 1 2.5 1.9 2.9C10.3 8.5 10.5 5.5 12 3Z'],
  down: ['M12 5v14', 'M6 13l6 6 6-6'],
  alert: ['M12 4l9 15.5H3z', 'M12 10v4.5', 'M12 17.2h.01'],
  plug: ['M4 4l16 16', 'M8.5 8.5A6 6 0 0 0 6 13v1h8', 'M18 14v-1a6 6 0 0 0-6-6', 'M12 14v6'],
  user: ['M12 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z', 'M4.5 20.5c.6-4 3.5-6 7.5-6s6.9 2 7.5 6'],
};

/** @typedef {keyof typeof PATHS} IconName */

/**
 * A picture beside words, or in a button that has a label of its own: screen readers pass over it.
 * @param {IconName} name
 */
export function icon(name) {
  return svg(
    'svg',
    { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' },
    PATHS[name].map((d) => svg('path', { d })),
  );
}

/** The flame by which Burnchat is known. */
export function mark() {
  return svg(
    'svg',
    { class: 'mark', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { class: 'mark-outer', d: 'M12.3 1.5c.6 4.6 6.7 7 6.7 13.3a7 7 0 0 1-14 0c0-3 1.4-4.7 2.9-6.3.4 2.1 1.2 3.2 2.4 3.7C9.8 8.2 10.3 4.6 12.3 1.5Z' }),
    svg('path', { class: 'mark-inner', d: 'M12.2 12c.3 1.9 2.8 2.7 2.8 5a3 3 0 0 1-6 0c0-1.2.6-2 1.3-2.6.1.7.5 1.1.9 1.3-.1-1.4.2-2.6 1-3.7Z' }),
  );
}
