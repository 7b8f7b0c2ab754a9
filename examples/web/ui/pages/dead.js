// Where a link does not lead into a room.

import { h } from '../dom.js';
import { mark } from '../icons.js';
import { explain, t } from '../strings.js';

/**
 * @param {import('../app.js').App} app
 * @param {string | null} code
 * @returns {import('../app.js').Page}
 */
export function deadPage(app, code) {
  const [title, hint] = say(code);
  const element = h(
    'main',
    { class: 'page quiet-page', 'data-page': 'dead', 'data-code': code ?? '' },
    mark(),
    h('h1', { tabindex: -1 }, title),
    h('p', { class: 'lead' }, hint),
    code !== 'insecure' && h('p', {}, h('button', { class: 'button primary', type: 'button', onclick: () => app.start() }, t.dead.home)),
  );
  return { element };
}

/**
 * @param {string | null} code
 * @returns {[string, string]}
 */
function say(code) {
  switch (code) {
    case 'room_not_found':
      return [t.dead.notFound, t.dead.notFoundHint];
    case 'link_expired':
      return [t.dead.expired, t.dead.expiredHint];
    case 'insecure':
      return [t.dead.insecure, t.dead.insecureHint];
    default:
      return [code?.startsWith('link_') ? t.dead.badLink : t.end.failed, explain(code)];
  }
}
