// After the room: the fire, and then nothing.

import { h } from '../dom.js';
import { fire } from '../fire.js';
import { mark } from '../icons.js';
import { explain, t } from '../strings.js';

/**
 * @param {import('../app.js').App} app
 * @param {import('../app.js').Ended} how
 * @param {{ shapes?: import('../fire.js').Shape[], copied?: boolean }} [remains]
 * @returns {import('../app.js').Page}
 */
export function endPage(app, how, { shapes = [], copied = false } = {}) {
  const burned = how.reason === 'burned' || how.reason === 'expired' || how.reason === 'shutdown';
  const [title, hint] = say(how);
  const element = h(
    'main',
    { class: `page quiet-page${burned ? ' burned-page' : ''}`, 'data-page': 'end', 'data-reason': how.reason, 'data-code': how.code ?? '' },
    mark(),
    h('h1', { tabindex: -1 }, title),
    h('p', { class: 'lead' }, hint),
    h('p', {}, h('button', { class: 'button primary', type: 'button', onclick: () => app.start() }, t.end.newRoom)),
    copied && clipboardOffer(),
  );
  if (burned) {
    // Over the page, once it stands.
    queueMicrotask(() => void fire(shapes));
  }
  return { element };
}

/** Only a click may write to the clipboard, and only what is ours to overwrite: the link, if it was copied here. */
function clipboardOffer() {
  const done = h('span', { role: 'status' });
  const button = h(
    'button',
    {
      class: 'button',
      type: 'button',
      async onclick() {
        await navigator.clipboard.writeText('');
        button.remove();
        done.textContent = t.end.clipboardDone;
      },
    },
    t.end.clipboard,
  );
  return h('div', { class: 'clipboard-offer' }, h('p', { class: 'hint' }, t.end.clipboardHint), button, done);
}

/**
 * @param {import('../app.js').Ended} how
 * @returns {[string, string]}
 */
function say(how) {
  switch (how.reason) {
    case 'expired':
      return [t.end.burned, t.end.expired];
    case 'burned':
      return [t.end.burned, t.end.byHand];
    case 'shutdown':
      return [t.end.burned, t.end.shutdown];
    case 'kicked':
      return [t.end.kicked, t.end.kickedHint];
    case 'left':
      return [t.end.left, t.end.leftHint];
    default:
      return how.code === 'displaced' ? [t.end.displaced, t.end.displacedHint] : [t.end.failed, explain(how.code)];
  }
}
