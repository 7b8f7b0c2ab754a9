// Handing the link on.

import { h, replace } from './dom.js';
import { icon } from './icons.js';
import { qrPicture } from './qr.js';
import { t } from './strings.js';

/** Whether the link was put on the clipboard from here: then the end offers to take it away. */
export const clipboard = { copied: false };

/** @param {string} link */
export function shareBox(link) {
  let current = link;
  const field = h('input', { class: 'link-field', type: 'text', readonly: true, value: link, 'aria-label': t.sharePanel.link, spellcheck: 'false', onfocus: () => field.select() });
  const copyLabel = h('span', {}, t.sharePanel.copy);
  const said = h('span', { class: 'visually-hidden', role: 'status' });
  const copy = h(
    'button',
    {
      class: 'button primary',
      type: 'button',
      async onclick() {
        try {
          await navigator.clipboard.writeText(current);
        } catch {
          field.select();
          return;
        }
        clipboard.copied = true;
        said.textContent = t.sharePanel.copied;
        replace(copyLabel, t.sharePanel.copied);
        setTimeout(() => {
          said.textContent = '';
          replace(copyLabel, t.sharePanel.copy);
        }, 2_000);
      },
    },
    icon('copy'),
    copyLabel,
  );
  const send = 'share' in navigator && h('button', { class: 'button', type: 'button', onclick: () => void navigator.share({ title: t.sharePanel.title, url: current }).catch(() => {}) }, icon('share'), t.sharePanel.send);
  const picture = h('div', { class: 'qr-frame' });
  const qr = h('details', { class: 'qr-details' }, h('summary', {}, t.sharePanel.qr), picture);
  const draw = () => replace(picture, qr.open && qrPicture(current, t.sharePanel.qr));
  qr.addEventListener('toggle', draw);
  return {
    element: h('div', { class: 'share-box' }, field, h('div', { class: 'button-row' }, copy, send, said), qr),
    /** @param {string} next */
    setLink(next) {
      current = next;
      field.value = next;
      draw();
    },
    openQr() {
      qr.open = true;
    },
    wipe() {
      current = '';
      field.value = '';
      qr.open = false;
      replace(picture);
    },
  };
}
