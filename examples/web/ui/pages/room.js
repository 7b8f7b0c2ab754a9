// The room: what its events do to what is shown.

import { h, replace } from '../dom.js';
import { fuse } from '../fuse.js';
import { shapesOf } from '../fire.js';
import { icon } from '../icons.js';
import { forgetSeat, keepSeat } from '../remembered.js';
import { composer } from '../room/composer.js';
import { controlPanel } from '../room/control.js';
import { messageList } from '../room/messages.js';
import { nameOf, peoplePanel } from '../room/people.js';
import { side } from '../room/side.js';
import { verifyPanel } from '../room/verify.js';
import { clipboard, shareBox } from '../share.js';
import { explain, t } from '../strings.js';
import { clock } from '../time.js';

/** Beyond this many people nobody is told who has read what: it would be more than what is said. */
const TELL_READ_UP_TO = 12;
const RELAY_GONE_MS = 30_000;

/**
 * @param {import('../app.js').App} app
 * @param {import('../../net/room.js').Room} room
 * @param {string} roomId
 * @returns {import('../app.js').Page}
 */
export function roomPage(app, room, roomId) {
  const privacy = { shown: true };
  let left = false;
  let unread = 0;
  let stalled = false;
  /** @type {Extract<import('../../net/room.js').RoomEvent, { type: 'connection' }>['state']} */
  let connection = 'online';
  let awaySince = 0;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  const typists = new Map();

  const line = fuse();
  const time = h('span', { class: 'time', role: 'timer', 'aria-label': t.room.timeLeft });
  const banner = h('div', { class: 'banner', role: 'status' });
  const spoken = h('div', { class: 'visually-hidden', role: 'status' });
  const typing = h('p', { class: 'typing', 'aria-live': 'off' });
  const empty = h('div', { class: 'empty' });

  const messages = messageList({
    seen: (author, id) => {
      const tell = privacy.shown && room.participants().length <= TELL_READ_UP_TO;
      attempt(() => room.markRead(author, id, { tell }));
    },
    sendAgain: (text) => attempt(() => void room.send(text)),
  });
  const write = composer({
    send: (text, burnAfterMs) => void room.send(text, { burnAfterMs }),
    typing: (is) => attempt(() => (privacy.shown || !is) && room.setTyping(is)),
  });
  const people = peoplePanel(room, (id) => order(() => room.kick(id)));
  const verify = verifyPanel(room, (state) => {
    shield.dataset.compared = state;
    tabOf('verify')?.setAttribute('data-compared', state);
  });
  const share = shareBox(room.link());
  const expired = h('p', { class: 'verdict bad', hidden: true }, icon('alert'), h('span', {}, t.sharePanel.expired));
  const renew = h('div', { class: 'renew', hidden: true }, h('button', { class: 'button wide', type: 'button', onclick: () => order(() => room.renew()) }, t.sharePanel.renew), h('p', { class: 'hint' }, t.sharePanel.renewHint));
  const control = controlPanel(room, { order: (command) => order(command), privacy });
  const beside = side({
    people: people.element,
    verify: verify.element,
    share: h('div', { class: 'panel-body' }, h('p', { class: 'hint' }, t.sharePanel.intro), expired, share.element, renew),
    control: control.element,
  });
  const tabOf = (/** @type {string} */ name) => beside.element.querySelector(`#tab-${name}`);

  /** @param {import('../room/side.js').PanelName} name @param {import('../icons.js').IconName} picture */
  const opener = (name, picture) => {
    const button = h('button', { class: `head-button open-${name}`, type: 'button', 'aria-label': t.room[name], title: t.room[name], 'aria-haspopup': 'dialog', onclick: () => beside.open(name, button) }, icon(picture));
    return button;
  };
  const count = h('span', { class: 'count' });
  const crowd = opener('people', 'people');
  crowd.append(count);
  const shield = opener('verify', 'shield');

  const element = h(
    'main',
    { class: 'room-page', 'data-page': 'room' },
    h('header', { class: 'room-head' }, h('h1', { class: 'visually-hidden', tabindex: -1 }, t.room.heading), time, h('div', { class: 'head-buttons' }, crowd, shield, opener('share', 'share'), opener('control', 'more')), line.element),
    h('div', { class: 'conversation' }, banner, messages.element, empty, typing, write.element),
    beside.element,
    spoken,
  );

  /** Runs a command. What the relay says to it comes as an event. @param {() => void} command */
  const order = (command) => attempt(command, (error) => messages.notice(icon('alert'), explain(codeOf(error))));

  const state = () => {
    const security = room.security();
    const alone = security === 'alone' || room.participants().length < 2;
    element.dataset.connection = connection;
    element.dataset.security = security;
    if (connection === 'offline') {
      say('plug', t.room.states.offline);
    } else if (connection === 'reconnecting') {
      say('plug', Date.now() - awaySince > RELAY_GONE_MS ? t.room.states.relayGone : t.room.states.reconnecting);
    } else if (connection === 'connecting') {
      say('plug', t.room.states.connecting);
    } else if (security === 'securing' && !alone) {
      say('lock', stalled ? t.room.states.stalled : t.room.states.securing);
    } else {
      say(null, '');
    }
    write.setReady(security !== 'alone');
    showEmpty(alone && messages.bubbles().length === 0);
  };

  let said = '';
  /** @param {import('../icons.js').IconName | null} picture @param {string} text */
  const say = (picture, text) => {
    if (text !== said) {
      said = text;
      replace(banner, picture && [icon(picture), h('span', {}, text)]);
    }
  };

  /** Alone in a new room there is one thing to do: hand the link on. @param {boolean} is */
  const showEmpty = (is) => {
    if (is === (empty.childElementCount > 0)) {
      return;
    }
    element.classList.toggle('is-empty', is);
    replace(
      empty,
      is && [
        h('p', { class: 'empty-title' }, t.room.states.aloneShort),
        h('p', { class: 'hint' }, t.room.states.alone),
        (invitation = shareBox(room.link())).element,
      ],
    );
    if (!is) {
      invitation?.wipe();
      invitation = null;
    }
  };
  /** @type {ReturnType<typeof shareBox> | null} */
  let invitation = null;

  const showPeople = () => {
    people.update();
    count.textContent = String(room.participants().length);
    crowd.setAttribute('aria-label', `${t.room.people}: ${room.participants().length}`);
    state();
  };

  const showSettings = () => {
    control.update();
    const settings = room.settings();
    renew.hidden = settings?.role !== 'creator';
    element.dataset.role = settings?.role ?? '';
    element.dataset.locked = String(settings?.locked ?? false);
  };

  const showLink = () => {
    const link = room.link();
    share.setLink(link);
    invitation?.setLink(link);
    expired.hidden = room.linkIsCurrent();
    app.replaceLink(link);
  };

  let before = Infinity;
  const tick = () => {
    const remaining = room.secondsRemaining();
    if (remaining === null) {
      return;
    }
    const seconds = Math.max(0, Math.ceil(remaining));
    if (seconds === before) {
      return;
    }
    time.textContent = clock(seconds);
    line.burnTo(seconds);
    for (const [at, warning] of Object.entries(t.room.warnings)) {
      if (before > Number(at) && seconds <= Number(at) && before !== Infinity) {
        spoken.textContent = warning;
      }
    }
    before = seconds;
    if (connection === 'reconnecting') {
      state();
    }
  };

  const showTypists = () => {
    const names = [...typists.keys()].map((id) => room.participant(id)).filter((one) => one !== null);
    replace(typing, names.length === 1 && names[0] ? [nameOf(names[0]), ' ', t.typing.one] : names.length > 1 && t.typing.many(names.length));
  };

  /** @param {string} id @param {boolean} is */
  const setTypist = (id, is) => {
    clearTimeout(typists.get(id));
    typists.delete(id);
    if (is) {
      // Whoever goes silent says so too rarely.
      typists.set(id, setTimeout(() => setTypist(id, false), 8_000));
    }
    showTypists();
  };

  /** @param {string} id */
  const whoIs = (id) => {
    const participant = room.participant(id);
    return participant ? nameOf(participant) : t.room.unverified;
  };

  /** @param {import('../../net/room.js').RoomEvent} event */
  const handle = (event) => {
    switch (event.type) {
      case 'connection':
        if (event.state === 'online' && connection !== 'online' && connection !== 'connecting') {
          spoken.textContent = t.room.states.back;
        }
        awaySince = event.state === 'online' ? 0 : awaySince || Date.now();
        connection = event.state;
        return state();
      case 'security':
        stalled &&= event.state === 'securing';
        return state();
      case 'rekeyStalled':
        stalled = true;
        return state();
      case 'joined':
        keepSeat(roomId, room.seatToken());
        people.again();
        showPeople();
        showSettings();
        showLink();
        return undefined;
      case 'participantJoined':
        messages.notice(nameOf(event.participant), ' ', t.room.notices.joined(event.participant.number), shield.dataset.compared !== 'none' && ` · ${t.room.notices.codesChanged}`);
        return showPeople();
      case 'participantLeft':
        messages.notice(nameOf(event.participant), ' ', t.room.notices.left[event.reason], shield.dataset.compared !== 'none' && ` · ${t.room.notices.codesChanged}`);
        setTypist(event.participant.id, false);
        return showPeople();
      case 'verificationChanged':
        return void verify.update();
      case 'message':
        setTypist(event.author.id, false);
        messages.message(event);
        if (document.hidden && !event.author.self) {
          unread += 1;
          document.title = `(${unread}) Burnchat`;
        }
        return state();
      case 'accepted':
        return messages.accepted(event.id);
      case 'unsent':
        return messages.unsent(event.id, event.text);
      case 'unknown':
        return messages.unknown(event.id, event.text);
      case 'read':
        return messages.read(event.id, event.by);
      case 'typing':
        return setTypist(event.from, event.typing);
      case 'messageBurned':
        return messages.burned(event.author, event.id);
      case 'unreadable':
        return messages.notice(icon('alert'), event.reason === 'notKeyedYet' ? t.room.notices.notKeyedYet : t.room.notices.unparsable, ' ', whoIs(event.from));
      case 'missed':
        return messages.notice(icon('alert'), t.room.notices.missed(event.count), ' ', whoIs(event.from));
      case 'locked':
        showSettings();
        return messages.notice(icon('lock'), event.locked ? t.room.notices.locked : t.room.notices.unlocked);
      case 'extended':
        before = Infinity;
        tick();
        showSettings();
        return messages.notice(icon('flame'), t.room.notices.extended(clock(Math.ceil(event.secondsRemaining))));
      case 'linkChanged':
        showLink();
        return messages.notice(icon('share'), t.room.notices.linkChanged);
      case 'linkExpired':
        showLink();
        return messages.notice(icon('share'), t.room.notices.linkExpired);
      case 'historyRead':
        return event.complete ? undefined : messages.notice(icon('alert'), t.room.notices.historyPartly);
      case 'rejoining':
        return messages.notice(icon('alert'), event.code === 'fork' ? t.room.notices.fork : t.room.notices.rejoined);
      case 'fault':
        return fault(event.code);
      case 'refused':
        showSettings();
        return messages.notice(icon('alert'), t.room.notices.refused, ' ', explain(event.code));
      case 'ended':
        return end(event);
      default:
        return undefined;
    }
  };

  /** Most are for a log; these say something about the people or the relay. @param {string} code */
  const fault = (code) => {
    if (code === 'bad_envelope_signature' || code === 'bad_envelope') {
      messages.notice(icon('alert'), t.room.notices.badEnvelope);
    } else if (code === 'unverified_participant') {
      messages.notice(icon('alert'), t.room.notices.unverifiedParticipant);
    }
  };

  /** @param {import('../app.js').Ended} how */
  const end = (how) => {
    const shapes = shapesOf(messages.bubbles());
    const { copied } = clipboard;
    clipboard.copied = false;
    app.end(how, { shapes, copied });
  };

  const ticking = setInterval(tick, 250);
  const seen = () => {
    if (!document.hidden) {
      unread = 0;
      document.title = 'Burnchat';
    }
  };
  document.addEventListener('visibilitychange', seen);
  const stop = room.on((event) => {
    if (!left) {
      handle(event);
    }
  });

  keepSeat(roomId, room.seatToken());
  showSettings();
  showPeople();
  showLink();
  void verify.update();
  tick();
  messages.notice(room.settings()?.history ? t.room.notices.youJoinedHistory : t.room.notices.youJoined);
  // Once it stands in the page: whether there is room beside the messages can only be known then.
  queueMicrotask(() => !left && beside.settle());

  return {
    element,
    focus: write.field,
    leave() {
      left = true;
      stop();
      clearInterval(ticking);
      document.removeEventListener('visibilitychange', seen);
      typists.forEach((timer) => clearTimeout(timer));
      typists.clear();
      messages.leave();
      write.leave();
      verify.leave();
      // The browser may hold on to the field that was written in, and with it to all that its listeners reach.
      people.leave();
      share.wipe();
      invitation?.wipe();
      beside.leave();
      forgetSeat();
      replace(element);
    },
  };
}

/** @param {unknown} error */
const codeOf = (error) => (error instanceof Error && 'code' in error ? String(error.code) : null);

/**
 * @param {() => void} action
 * @param {(error: unknown) => void} [otherwise]
 */
function attempt(action, otherwise) {
  try {
    action();
  } catch (error) {
    // It has ended, or is not joined at this moment: an event says so.
    otherwise?.(error);
  }
}
