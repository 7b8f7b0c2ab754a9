// The room itself: its end, its door, and one's own way out.

import { h, replace } from '../dom.js';
import { icon } from '../icons.js';
import { chooseTheme, rememberedTheme } from '../remembered.js';
import { t } from '../strings.js';
import { length, timeOfDay } from '../time.js';

const EXTENSIONS = [300, 900, 1_800];

/**
 * @param {import('../../net/room.js').Room} room
 * @param {object} actions
 * @param {(command: () => void) => void} actions.order runs a command, and says what comes of it
 * @param {{ shown: boolean }} actions.privacy
 */
export function controlPanel(room, { order, privacy }) {
  const ends = h('p', { class: 'ends' });
  const atMost = h('p', { class: 'hint' });
  const creatorOnly = h('div', { class: 'panel-body' });
  const lock = h('input', { type: 'checkbox', name: 'lock', onchange: () => order(() => room.lock(lock.checked)) });
  const extendHint = h('p', { class: 'hint' }, t.controlPanel.cannotExtend);
  const extend = h(
    'div',
    { class: 'button-row' },
    EXTENSIONS.map((seconds) => h('button', { class: 'button small', type: 'button', 'data-extend': seconds, onclick: () => order(() => room.extend(seconds)) }, t.controlPanel.extendBy(length(seconds)))),
  );
  const history = h('p', { class: 'hint' });
  const burn = confirmed(t.controlPanel.burn, t.controlPanel.burnConfirm, t.controlPanel.burnYes, 'danger', () => order(() => room.burn()));
  const leave = confirmed(t.controlPanel.leave, t.controlPanel.leaveHint, t.controlPanel.leave, '', () => room.leave());
  const theme = h(
    'select',
    { id: 'theme', onchange: () => chooseTheme(/** @type {import('../remembered.js').Theme} */ (theme.value)) },
    Object.entries(t.controlPanel.themes).map(([value, label]) => h('option', { value, selected: value === rememberedTheme() }, label)),
  );
  const shown = h('input', { type: 'checkbox', name: 'privacy', checked: privacy.shown, onchange: () => (privacy.shown = shown.checked) });

  const update = () => {
    const settings = room.settings();
    const seconds = room.secondsRemaining();
    if (settings === null || seconds === null) {
      return;
    }
    const creator = settings.role === 'creator';
    const endsAt = Date.now() + seconds * 1_000;
    ends.textContent = t.controlPanel.ends(timeOfDay(endsAt));
    atMost.textContent = t.controlPanel.atMost(timeOfDay(settings.notAfter));
    atMost.hidden = !creator;
    lock.checked = settings.locked;
    extend.hidden = !settings.mayExtend;
    extendHint.hidden = settings.mayExtend;
    creatorOnly.hidden = !creator;
    burn.hidden = !creator && settings.whoMayBurn !== 'anyone';
    history.textContent = settings.history ? t.controlPanel.history : t.controlPanel.noHistory;
  };
  replace(creatorOnly, h('h3', {}, t.controlPanel.extend), extend, extendHint, h('label', { class: 'toggle' }, lock, h('span', { class: 'toggle-text' }, t.controlPanel.lock)));
  update();
  return {
    element: h(
      'div',
      { class: 'panel-body' },
      ends,
      atMost,
      history,
      creatorOnly,
      burn,
      leave,
      h('label', { class: 'toggle' }, shown, h('span', { class: 'toggle-text' }, t.controlPanel.privacy)),
      h('div', { class: 'field-row' }, h('label', { for: 'theme' }, t.controlPanel.theme), theme),
    ),
    update,
  };
}

/**
 * A button that asks once more.
 * @param {string} label
 * @param {string} question
 * @param {string} yes
 * @param {string} kind
 * @param {() => void} act
 */
function confirmed(label, question, yes, kind, act) {
  const asking = h('div', { class: 'confirm', hidden: true });
  const button = h(
    'button',
    {
      class: `button wide ${kind}`,
      type: 'button',
      onclick() {
        button.hidden = true;
        asking.hidden = false;
        no.focus();
      },
    },
    kind === 'danger' && icon('flame'),
    label,
  );
  const no = h(
    'button',
    {
      class: 'button small',
      type: 'button',
      onclick() {
        asking.hidden = true;
        button.hidden = false;
        button.focus();
      },
    },
    t.controlPanel.cancel,
  );
  asking.append(h('p', {}, question), h('div', { class: 'button-row' }, h('button', { class: `button small ${kind}`, type: 'button', onclick: act }, yes), no));
  return h('div', { class: 'confirmed' }, button, asking);
}
