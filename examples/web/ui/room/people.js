// Who is here.

import { h, replace, theirs } from '../dom.js';
import { icon } from '../icons.js';
import { t } from '../strings.js';

/**
 * A hue for a participant, the same on every screen.
 * @param {string} id
 */
export function colour(id) {
  let hash = 0;
  for (const char of id) {
    hash = (hash * 31 + char.charCodeAt(0)) % 360;
  }
  return String(hash);
}

/**
 * A participant's name in a sentence of ours.
 * @param {import('../../net/room.js').Participant} participant
 */
export const nameOf = ({ name, number, tag }) => [theirs(name ?? t.room.unverified, { class: 'author-name' }), h('span', { class: 'tag' }, `·${number}·${tag}`)];

/**
 * @param {object} room
 * @param {() => { locked: boolean, capacity: number, role: 'member' | 'creator' } | null} room.settings
 * @param {() => import('../../net/room.js').Participant[]} room.participants
 * @param {(id: string) => void} kick
 */
export function peoplePanel(room, kick) {
  const count = h('p', { class: 'hint' });
  const list = h('ul', { class: 'people' });

  /** @param {import('../../net/room.js').Participant} one @param {boolean} mayKick */
  const row = (one, mayKick) => {
    const name = one.name ?? t.room.unverified;
    const avatar = h('span', { class: 'avatar', 'aria-hidden': 'true' }, one.verified ? theirs(initial(name)) : '?');
    avatar.style.setProperty('--hue', colour(one.id));
    const confirm = h('div', { class: 'confirm', hidden: true });
    const remove = h(
      'button',
      {
        class: 'button small',
        type: 'button',
        'aria-label': t.peoplePanel.removeWho(one.label),
        onclick() {
          const no = h('button', { class: 'button small', type: 'button', onclick: () => ((confirm.hidden = true), remove.focus()) }, t.controlPanel.cancel);
          replace(
            confirm,
            h('p', {}, t.peoplePanel.confirm),
            h('div', { class: 'button-row' }, h('button', { class: 'button small danger', type: 'button', onclick: () => kick(one.id) }, t.peoplePanel.remove), no),
          );
          confirm.hidden = false;
          no.focus();
        },
      },
      t.peoplePanel.remove,
    );
    return h(
      'li',
      { class: 'person', 'data-id': one.id },
      avatar,
      h(
        'div',
        { class: 'person-text' },
        h('span', { class: 'person-name' }, theirs(name, { class: 'author-name' }), h('span', { class: 'tag' }, `·${one.number}·${one.tag}`)),
        h('span', { class: 'person-marks' }, one.self && h('span', { class: 'badge' }, t.room.you), one.role === 'creator' && h('span', { class: 'badge' }, t.room.creator)),
        one.clash && h('span', { class: 'hint warning' }, icon('alert'), t.peoplePanel.clash),
        !one.verified && h('span', { class: 'hint warning' }, icon('alert'), t.peoplePanel.unverified),
      ),
      mayKick && !one.self && remove,
      confirm,
    );
  };

  /** Whose row is being asked about must not be swept away from under the finger. */
  const update = () => {
    const people = room.participants();
    const settings = room.settings();
    count.textContent = t.peoplePanel.intro(people.length, settings?.capacity ?? people.length);
    const mayKick = settings?.role === 'creator';
    const rows = new Map(Array.from(list.children, (child) => [/** @type {HTMLElement} */ (child).dataset.id, child]));
    replace(list, people.map((one) => rows.get(one.id) ?? row(one, mayKick)));
  };
  update();
  return { element: h('div', { class: 'panel-body' }, count, list, h('p', { class: 'hint' }, t.peoplePanel.tag)), update, again: () => (replace(list), update()), leave: () => replace(list) };
}

/** The first character as people count them. @param {string} name */
function initial(name) {
  const [first] = new Intl.Segmenter().segment(name);
  return first?.segment.toLocaleUpperCase() ?? '?';
}
