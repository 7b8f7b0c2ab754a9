// Before the room: what there is to know, a name, and the door. Nothing here takes a seat until the button is pressed.

import { RoomError, checkName, joinRoom, proposeName, roomInfo } from '../../net/room.js';
import { h, replace } from '../dom.js';
import { fuse } from '../fuse.js';
import { icon, mark } from '../icons.js';
import { rememberName, rememberedName, seatIn } from '../remembered.js';
import { shareBox } from '../share.js';
import { explain, t } from '../strings.js';
import { clock } from '../time.js';

const ASK_EVERY_MS = 10_000;

/**
 * @param {import('../app.js').App} app
 * @param {import('../app.js').Entry} entry
 * @returns {import('../app.js').Page}
 */
export function lobbyPage(app, { link, roomId, created }) {
  let gone = false;
  let joining = false;
  /** When the room ends, by this device's own steady clock. */
  let endsAt = created ? performance.now() + created.secondsRemaining * 1_000 : null;
  /** Until when PINs are not looked at. */
  let pinLockedUntil = 0;

  const line = fuse();
  const timeLeft = h('p', { class: 'lobby-time', role: 'timer', 'aria-label': t.room.timeLeft });
  const facts = h('ul', { class: 'facts' });
  const notice = h('div', { class: 'lobby-notice', role: 'status' });
  const problem = h('p', { class: 'problem', role: 'alert', id: 'join-problem' });
  const name = h('input', { id: 'name', name: 'name', type: 'text', autocomplete: 'nickname', maxlength: 64, spellcheck: 'false', dir: 'auto', value: rememberedName() || proposeName(), 'aria-describedby': 'name-hint join-problem' });
  const pin = h('input', { id: 'pin', name: 'pin', type: 'text', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', maxlength: 16, 'aria-describedby': 'pin-hint join-problem' });
  const pinFields = h('details', { class: 'pin-fields' }, h('summary', {}, t.lobby.havePin), h('label', { for: 'pin' }, t.lobby.pin), pin, h('p', { class: 'hint', id: 'pin-hint' }, t.lobby.pinHint));
  const submit = h('button', { class: 'button primary wide', type: 'submit' }, created ? t.lobby.enter : t.lobby.join);
  const share = created && shareBox(link);
  const newPin = created && h('div', { class: 'new-pin' }, h('h2', {}, t.lobby.yourPin), h('p', { class: 'pin-value' }, created.pin), h('p', { class: 'hint' }, t.lobby.yourPinHint));
  const form = h(
    'form',
    { class: 'join-form', novalidate: true },
    h('label', { for: 'name' }, t.lobby.name),
    h(
      'div',
      { class: 'field-row' },
      name,
      h('button', { class: 'button icon-button', type: 'button', 'aria-label': t.lobby.another, title: t.lobby.another, onclick: () => (name.value = proposeName()) }, icon('dice')),
    ),
    h('p', { class: 'hint', id: 'name-hint' }, t.lobby.nameHint),
    !created && pinFields,
    problem,
    submit,
  );
  const element = h(
    'main',
    { class: 'page lobby-page', 'data-page': 'lobby', 'data-state': created ? 'ready' : 'asking' },
    h('header', { class: 'lobby-head' }, h('p', { class: 'brand' }, mark(), 'Burnchat'), h('h1', { tabindex: -1 }, created ? t.lobby.created : t.lobby.invited), h('p', { class: 'lead' }, created ? t.lobby.createdIntro : t.lobby.invitedIntro)),
    h('div', { class: 'card' }, timeLeft, line.element, facts, share && share.element, newPin, notice, form),
  );

  /** @param {string} state @param {string} [title] @param {string} [hint] */
  const say = (state, title, hint) => {
    element.dataset.state = state;
    replace(notice, title && h('p', { class: 'notice-title' }, title), hint && h('p', { class: 'hint' }, hint));
  };

  const tick = () => {
    if (endsAt !== null) {
      const seconds = Math.max(0, Math.ceil((endsAt - performance.now()) / 1_000));
      timeLeft.textContent = clock(seconds);
      line.burnTo(seconds);
      if (seconds === 0 && !joining) {
        app.dead('room_not_found');
      }
    }
    if (pinLockedUntil > 0) {
      const seconds = Math.ceil((pinLockedUntil - performance.now()) / 1_000);
      problem.textContent = seconds > 0 ? t.lobby.pinLocked(clock(seconds)) : t.lobby.pinUnlocked;
      pinLockedUntil = seconds > 0 ? pinLockedUntil : 0;
    }
  };

  /** @param {import('../../net/room.js').RoomInfo} room */
  const show = (room) => {
    endsAt = performance.now() + room.secondsRemaining * 1_000;
    replace(facts, [
      fact('people', t.lobby.people(room.participants, room.capacity)),
      fact('clock', room.history ? t.lobby.history : t.lobby.noHistory),
      room.whoMayBurn === 'anyone' && fact('flame', t.lobby.anyoneBurns),
    ]);
    if (room.locked) {
      say('locked', t.lobby.locked, t.lobby.lockedHint);
    } else if (room.participants >= room.capacity) {
      say('full', t.lobby.full, t.lobby.fullHint);
    } else {
      say('open');
    }
    tick();
  };

  const ask = async () => {
    if (gone || joining || created || document.hidden) {
      return;
    }
    try {
      const room = await roomInfo(link);
      if (!gone && !joining) {
        show(room);
      }
    } catch (error) {
      if (gone || joining) {
        return;
      }
      const code = error instanceof RoomError ? error.code : null;
      if (code === 'room_not_found' || code === 'link_expired' || code === 'clock_skew') {
        app.dead(code);
      } else if (!navigator.onLine) {
        say('offline', t.lobby.offline, t.lobby.offlineHint);
      } else if (code === 'unreachable') {
        say('unreachable', t.lobby.unreachable, t.lobby.unreachableHint);
      } else {
        say('refused', explain(code));
      }
    }
  };

  /** @param {import('../../net/room.js').JoinOptions} options */
  const join = async (options) => {
    joining = true;
    submit.disabled = true;
    submit.textContent = t.lobby.joining;
    problem.textContent = '';
    pinLockedUntil = 0;
    try {
      const room = await joinRoom(link, options);
      const stop = room.on((event) => {
        if (event.type === 'joined') {
          stop();
          app.enter(room, roomId);
        } else if (event.type === 'ended') {
          stop();
          refused(event);
        } else if (event.type === 'connection' && event.state !== 'connecting' && event.state !== 'online') {
          say(event.state === 'offline' ? 'offline' : 'unreachable', event.state === 'offline' ? t.lobby.offline : t.lobby.unreachable, t.lobby.unreachableHint);
        }
      });
    } catch (error) {
      open();
      problem.textContent = explain(error instanceof RoomError ? error.code : null);
      name.focus();
    }
  };

  const open = () => {
    joining = false;
    submit.disabled = false;
    submit.textContent = created ? t.lobby.enter : t.lobby.join;
  };

  /** @param {import('../app.js').Ended} how */
  const refused = (how) => {
    open();
    switch (how.reason === 'refused' ? how.code : how.reason) {
      case 'wrong_pin':
        problem.textContent = t.lobby.wrongPin(how.attemptsLeft);
        pinFields.open = true;
        pin.select();
        pin.focus();
        element.dataset.state = 'wrong-pin';
        return;
      case 'pin_locked':
        pinLockedUntil = performance.now() + (how.retryAfterMs ?? 60_000);
        pinFields.open = true;
        element.dataset.state = 'pin-locked';
        tick();
        return;
      case 'room_full':
        say('full', t.lobby.full, t.lobby.fullHint);
        return;
      case 'room_locked':
        say('locked', t.lobby.locked, t.lobby.lockedHint);
        return;
      case 'room_not_found':
      case 'link_expired':
        app.dead(how.code);
        return;
      case 'unreachable':
      case 'too_many_connections':
      case 'rate_limited':
      case 'joins_exhausted':
        problem.textContent = explain(how.code);
        return;
      default:
        app.end(how);
    }
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (joining) {
      return;
    }
    /** @type {string} */
    let chosen;
    try {
      chosen = name.value.trim() === '' ? proposeName() : checkName(name.value.trim());
    } catch (error) {
      problem.textContent = explain(error instanceof RoomError ? error.code : null);
      name.focus();
      return;
    }
    rememberName(chosen);
    void join({ name: chosen, pin: pin.value.trim() || undefined, creatorToken: created?.creatorToken });
  });

  const ticking = setInterval(tick, 250);
  const asking = setInterval(ask, ASK_EVERY_MS);
  addEventListener('online', ask);
  document.addEventListener('visibilitychange', ask);
  tick();
  if (created) {
    facts.hidden = true;
  } else {
    say('asking', t.lobby.asking);
    void ask();
  }
  // Who reloads a room in this tab has been inside, by their own doing: the seat is theirs.
  const seatToken = created ? undefined : seatIn(roomId);
  if (seatToken !== undefined) {
    void join({ name: rememberedName() || undefined, seatToken });
  }

  return {
    element,
    leave() {
      gone = true;
      clearInterval(ticking);
      clearInterval(asking);
      removeEventListener('online', ask);
      document.removeEventListener('visibilitychange', ask);
      name.value = '';
      pin.value = '';
      if (share) {
        share.wipe();
      }
    },
  };
}

/**
 * @param {import('../icons.js').IconName} picture
 * @param {string} text
 */
const fact = (picture, text) => h('li', {}, icon(picture), h('span', {}, text));
