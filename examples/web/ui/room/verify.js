// Comparing codes (spec section 10): the only thing that finds a relay that also has the link.

import { h, replace } from '../dom.js';
import { icon } from '../icons.js';
import { qrPicture } from '../qr.js';
import { t } from '../strings.js';

/**
 * @param {object} room
 * @param {() => Promise<import('../../net/room.js').Verification>} room.verification
 * @param {() => import('../../net/room.js').Participant[]} room.participants
 * @param {(state: 'none' | 'same' | 'changed') => void} compared told whenever it changes
 */
export function verifyPanel(room, compared) {
  /** What was found the same. @type {string | null} */
  let confirmed = null;
  let asked = 0;
  const body = h('div', { class: 'panel-body' });

  const update = async () => {
    asked += 1;
    const turn = asked;
    if (room.participants().length < 2) {
      compared(confirmed === null ? 'none' : 'changed');
      replace(body, h('p', { class: 'hint' }, t.verifyPanel.alone));
      return;
    }
    const codes = await room.verification().catch(() => null);
    if (codes === null || turn !== asked) {
      return;
    }
    const state = confirmed === null ? 'none' : confirmed === codes.safetyNumber ? 'same' : 'changed';
    compared(state);
    replace(body, show(codes, state));
  };

  /**
   * @param {import('../../net/room.js').Verification} codes
   * @param {'none' | 'same' | 'changed'} state
   */
  const show = (codes, state) => {
    const same = () => {
      confirmed = codes.safetyNumber;
      void update();
    };
    const answer = h('p', { class: 'hint', role: 'status' });
    const field = h('input', { id: 'other-code', type: 'text', inputmode: 'numeric', autocomplete: 'off', spellcheck: 'false', class: 'link-field' });
    const digits = codes.safetyNumber.replaceAll(/\D/g, '');
    field.addEventListener('input', () => {
      // The scanned code says what it is before its digits.
      const typed = field.value.replace(/^\s*burnchat-verify:1:/, '').replaceAll(/\D/g, '');
      if (typed.length < digits.length) {
        answer.textContent = '';
      } else if (typed === digits) {
        same();
      } else {
        answer.textContent = t.verifyPanel.different;
      }
    });
    const qr = h('details', { class: 'qr-details' }, h('summary', {}, t.verifyPanel.qr));
    qr.addEventListener('toggle', () => qr.open && qr.childElementCount === 1 && qr.append(h('div', { class: 'qr-frame' }, qrPicture(codes.qrText, t.verifyPanel.qr))));
    return [
      state === 'same' && h('p', { class: 'verdict good', role: 'status' }, icon('check'), h('span', {}, t.verifyPanel.confirmed)),
      state === 'changed' && h('p', { class: 'verdict bad', role: 'status' }, icon('alert'), h('span', {}, t.verifyPanel.changed)),
      h('p', { class: 'hint' }, t.verifyPanel.intro),
      h('h3', {}, t.verifyPanel.emoji),
      h('ol', { class: 'emoji' }, codes.emoji.map(({ symbol, name }) => h('li', {}, h('span', { class: 'emoji-symbol', 'aria-hidden': 'true' }, `${symbol}\ufe0f`), h('span', { class: 'emoji-name' }, t.emojiNames[name] ?? name)))),
      state !== 'same' && h('button', { class: 'button primary wide', type: 'button', onclick: same }, icon('check'), t.verifyPanel.matches),
      h('h3', {}, t.verifyPanel.number),
      h('p', { class: 'safety-number' }, codes.safetyNumber.split(' ').map((group) => h('span', {}, group))),
      qr,
      h('label', { for: 'other-code' }, t.verifyPanel.type),
      field,
      answer,
      h('h3', {}, t.verifyPanel.short),
      h('p', { class: 'short-code' }, codes.shortCode),
      h('p', { class: 'hint' }, t.verifyPanel.shortHint),
    ];
  };

  return {
    element: body,
    update,
    leave() {
      asked += 1;
      confirmed = null;
      replace(body);
    },
  };
}
