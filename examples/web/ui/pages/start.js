// The first page: make a room, or go to one.

import { RoomError, createRoom, parseLink } from '../../net/room.js';
import { h, replace } from '../dom.js';
import { fuse } from '../fuse.js';
import { icon, mark } from '../icons.js';
import { explain, t } from '../strings.js';
import { length } from '../time.js';

const PRESETS = [300, 900, 3_600, 21_600, 86_400];
const UNITS = { s: 1, m: 60, h: 3_600 };

/**
 * @param {import('../app.js').App} app
 * @returns {import('../app.js').Page}
 */
export function startPage(app) {
  const element = h(
    'main',
    { class: 'page start-page', 'data-page': 'start' },
    h('header', { class: 'hero' }, h('p', { class: 'brand' }, mark(), 'Burnchat'), h('h1', { tabindex: -1 }, t.start.title), h('p', { class: 'lead' }, t.start.intro)),
    h('div', { class: 'start-columns' }, createForm(app), h('div', { class: 'start-side' }, joinForm(app), promises())),
  );
  return { element };
}

/** @param {import('../app.js').App} app */
function createForm(app) {
  const line = fuse();
  const problem = h('p', { class: 'problem', role: 'alert' });
  const submit = h('button', { class: 'button primary wide', type: 'submit' }, t.start.submit);
  const custom = h('input', { id: 'custom-amount', name: 'amount', type: 'number', inputmode: 'numeric', min: 1, max: 259_200, value: 30, 'aria-label': t.start.customAmount });
  const unit = h(
    'select',
    { name: 'unit', 'aria-label': t.start.customUnit },
    Object.entries(t.start.units).map(([value, label]) => h('option', { value, selected: value === 'm' }, label)),
  );
  const customFields = h('div', { class: 'custom-time', hidden: true }, custom, unit, h('span', { class: 'hint' }, t.start.customRange));
  const seats = h('input', { name: 'seats', type: 'number', inputmode: 'numeric', min: 2, max: 256, value: 50, 'aria-label': t.start.seats });

  const form = h(
    'form',
    { class: 'card', novalidate: true, 'aria-labelledby': 'create-title' },
    h('h2', { id: 'create-title' }, t.start.create),
    h(
      'fieldset',
      {},
      h('legend', {}, t.start.howLong),
      line.element,
      h('div', { class: 'chips' }, PRESETS.map((seconds) => chip('time', String(seconds), length(seconds), seconds === 900)), chip('time', 'custom', t.start.custom, false)),
      customFields,
    ),
    h('fieldset', {}, h('legend', {}, t.start.who), h('div', { class: 'chips' }, chip('who', 'two', t.start.two, false), h('span', { class: 'chip-with-field' }, chip('who', 'many', t.start.many, true), seats))),
    h(
      'details',
      {},
      h('summary', {}, t.start.more),
      toggle('history', t.start.history, t.start.historyHint),
      toggle('anyone', t.start.anyoneBurns, t.start.anyoneBurnsHint),
    ),
    problem,
    submit,
  );

  const chosen = () => {
    const fields = new FormData(form);
    const time = String(fields.get('time'));
    const ttlSeconds = time === 'custom' ? Math.round(Number(custom.value) * UNITS[/** @type {keyof typeof UNITS} */ (unit.value)]) : Number(time);
    return {
      ttlSeconds,
      capacity: fields.get('who') === 'two' ? 2 : Number(seats.value),
      history: fields.has('history'),
      whoMayBurn: /** @type {'anyone' | 'creator'} */ (fields.has('anyone') ? 'anyone' : 'creator'),
    };
  };
  const redraw = () => {
    const { ttlSeconds } = chosen();
    customFields.hidden = new FormData(form).get('time') !== 'custom';
    line.burnTo(Number.isFinite(ttlSeconds) ? ttlSeconds : 0);
  };
  form.addEventListener('input', redraw);
  seats.addEventListener('focus', () => {
    /** @type {HTMLInputElement} */ (form.querySelector('input[value="many"]')).checked = true;
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const options = chosen();
    if (!(options.ttlSeconds >= 30 && options.ttlSeconds <= 259_200)) {
      problem.textContent = t.start.customRange;
      custom.focus();
      return;
    }
    if (!(Number.isInteger(options.capacity) && options.capacity >= 2 && options.capacity <= 256)) {
      problem.textContent = t.start.seats;
      seats.focus();
      return;
    }
    problem.textContent = '';
    submit.disabled = true;
    submit.textContent = t.start.creating;
    try {
      const created = await createRoom(app.base, options);
      await app.open(created.link, created);
    } catch (error) {
      problem.textContent = explain(error instanceof RoomError ? error.code : null);
    }
    submit.disabled = false;
    submit.textContent = t.start.submit;
  });
  // Once it is on the page: colours follow the chosen time.
  queueMicrotask(redraw);
  return form;
}

/** @param {import('../app.js').App} app */
function joinForm(app) {
  const problem = h('div', { class: 'problem', role: 'alert' });
  const link = h('input', { id: 'join-link', name: 'link', type: 'text', inputmode: 'url', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', placeholder: 'https://…/r/…#…' });
  const form = h(
    'form',
    { class: 'card', novalidate: true, 'aria-labelledby': 'join-title' },
    h('h2', { id: 'join-title' }, t.start.join),
    h('label', { for: 'join-link' }, t.start.joinLabel),
    h('div', { class: 'field-row' }, link, h('button', { class: 'button', type: 'submit' }, t.start.joinSubmit)),
    problem,
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = link.value.trim();
    try {
      const { base } = await parseLink(text);
      link.value = '';
      if (base === app.base) {
        await app.open(text);
        return;
      }
      // This page may speak to its own relay alone.
      replace(problem, t.start.elsewhere, ' ', h('a', { href: text, rel: 'noreferrer' }, new URL(text).host));
    } catch (error) {
      problem.textContent = explain(error instanceof RoomError ? error.code : null);
      link.focus();
    }
  });
  return form;
}

const promises = () => h('ul', { class: 'promises' }, t.start.promises.map((promise) => h('li', {}, icon('check'), h('span', {}, promise))));

/**
 * @param {string} name
 * @param {string} value
 * @param {string} label
 * @param {boolean} checked
 */
const chip = (name, value, label, checked) => h('label', { class: 'chip' }, h('input', { type: 'radio', name, value, checked }), h('span', {}, label));

/**
 * @param {string} name
 * @param {string} label
 * @param {string} hint
 */
const toggle = (name, label, hint) =>
  h('label', { class: 'toggle' }, h('input', { type: 'checkbox', name, 'aria-describedby': `${name}-hint` }), h('span', { class: 'toggle-text' }, label, h('span', { class: 'hint', id: `${name}-hint` }, hint)));
