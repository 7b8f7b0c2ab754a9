// Writing.

import { RoomError } from '../../net/room.js';
import { h } from '../dom.js';
import { icon } from '../icons.js';
import { explain, t } from '../strings.js';
import { length } from '../time.js';

/** How long a message may stay once it is read, in seconds; 0: until the room burns. */
const TIMES = [0, 5, 30, 60, 300, 3_600];
const STOPPED_TYPING_MS = 4_000;

/**
 * @param {object} actions
 * @param {(text: string, burnAfterMs: number) => void} actions.send throws a `RoomError`
 * @param {(typing: boolean) => void} actions.typing
 */
export function composer({ send, typing }) {
  let ready = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let stopping;
  const problem = h('p', { class: 'problem', role: 'alert' });
  const field = h('textarea', { id: 'message', rows: 1, placeholder: t.composer.placeholder, 'aria-label': t.composer.label, dir: 'auto', enterkeyhint: 'send', autocomplete: 'off' });
  const times = h(
    'select',
    { class: 'burn-choice', 'aria-label': t.composer.burn, title: t.composer.burn },
    TIMES.map((seconds) => h('option', { value: seconds * 1_000 }, seconds === 0 ? t.composer.keep : length(seconds))),
  );
  const burn = h('label', { class: 'burn-field', title: t.composer.burn }, icon('flame'), times);
  times.addEventListener('change', () => burn.classList.toggle('on', times.value !== '0'));
  const submit = h('button', { class: 'button primary send', type: 'submit', 'aria-label': t.composer.send, title: t.composer.send }, icon('send'));

  const stopTyping = () => {
    clearTimeout(stopping);
    typing(false);
  };
  const grow = () => {
    field.style.setProperty('height', 'auto');
    field.style.setProperty('height', `${field.scrollHeight}px`);
  };
  field.addEventListener('input', () => {
    grow();
    problem.textContent = '';
    clearTimeout(stopping);
    if (field.value === '') {
      stopTyping();
    } else {
      typing(true);
      stopping = setTimeout(stopTyping, STOPPED_TYPING_MS);
    }
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  const form = h('form', { class: 'composer', novalidate: true }, problem, h('div', { class: 'composer-row' }, burn, field, submit));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text === '' || !ready) {
      return;
    }
    try {
      send(text, Number(times.value));
      field.value = '';
      stopTyping();
    } catch (error) {
      problem.textContent = say(error);
    }
    grow();
    field.focus();
  });

  return {
    element: form,
    field,
    /** Whether there is anybody to write to. @param {boolean} is */
    setReady(is) {
      ready = is;
      submit.disabled = !is;
      field.placeholder = is ? t.composer.placeholder : t.composer.waiting;
    },
    leave() {
      clearTimeout(stopping);
      field.value = '';
      form.remove();
    },
  };
}

/** @param {unknown} error */
function say(error) {
  const code = error instanceof RoomError ? error.code : null;
  switch (code) {
    case 'text_too_long':
      return t.composer.tooLong;
    case 'queue_full':
      return t.composer.queueFull;
    case 'nobody_here':
      return t.composer.nobody;
    default:
      return explain(code);
  }
}
