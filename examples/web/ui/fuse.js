// The fuse: the one picture of how much time there is. It stands on every page on which there is a time.

import { h } from './dom.js';
import { fuseLength, heat } from './time.js';

export function fuse() {
  const element = h('div', { class: 'fuse', 'aria-hidden': 'true' }, h('div', { class: 'fuse-rope' }), h('div', { class: 'fuse-ember' }));
  return {
    element,
    /** @param {number} seconds */
    burnTo(seconds) {
      const left = fuseLength(seconds).toFixed(4);
      element.style.setProperty('--left', left);
      // What stands round it is lit from where it glows.
      element.parentElement?.style.setProperty('--lit', left);
      document.documentElement.dataset.heat = heat(seconds);
    },
  };
}

/** Back to a page without a time. */
export function coolDown() {
  delete document.documentElement.dataset.heat;
}
