// The messages, and what happens between them.

import { h, replace, theirs } from '../dom.js';
import { icon } from '../icons.js';
import { t } from '../strings.js';
import { ago, length } from '../time.js';
import { colour } from './people.js';

/** Messages of one person within this time stand together under one name. */
const TOGETHER_MS = 3 * 60_000;

/** @typedef {Extract<import('../../net/room.js').RoomEvent, { type: 'message' }>} Message */

/**
 * @typedef {object} Shown
 * @property {HTMLElement} item
 * @property {HTMLElement} state
 * @property {Set<string>} readers
 */

/**
 * @param {object} callbacks
 * @param {(author: string, id: string) => void} callbacks.seen somebody else's message has been read
 * @param {(text: string) => void} callbacks.sendAgain
 */
export function messageList({ seen, sendAgain }) {
  /** @type {Map<string, Shown>} those of this client, by message id */
  const mine = new Map();
  /** @type {Map<string, HTMLElement>} everybody's, by author and id */
  const all = new Map();
  /** @type {Map<Element, () => void>} not looked at yet */
  const unseen = new Map();
  /** @type {{ author: string, at: number } | null} */
  let previous = null;
  let fresh = 0;

  const list = h('ol', { class: 'messages' });
  const log = h('div', { class: 'log', role: 'log', 'aria-label': t.room.messages, tabindex: 0 }, list);
  const toNewestLabel = h('span', {});
  const toNewest = h('button', { class: 'button to-newest', type: 'button', hidden: true, 'aria-label': t.room.newest, onclick: () => scrollToEnd() }, icon('down'), toNewestLabel);

  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const scrollToEnd = () => {
    log.scrollTop = log.scrollHeight;
    fresh = 0;
    toNewest.hidden = true;
  };
  log.addEventListener(
    'scroll',
    () => {
      if (isAtEnd()) {
        fresh = 0;
        toNewest.hidden = true;
      }
    },
    { passive: true },
  );
  const resized = new ResizeObserver(() => pinned && scrollToEnd());
  /** Whether the newest message was in view before the list changed its size. */
  let pinned = true;
  log.addEventListener('scroll', () => (pinned = isAtEnd()), { passive: true });
  resized.observe(log);
  resized.observe(list);

  const inView = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting && !document.hidden) {
          lookedAt(entry.target);
        }
      }
    },
    { root: log, threshold: 0.6 },
  );
  /** @param {Element} item */
  const lookedAt = (item) => {
    unseen.get(item)?.();
    unseen.delete(item);
    inView.unobserve(item);
  };
  const backInSight = () => {
    for (const item of document.hidden ? [] : unseen.keys()) {
      // Observing anew tells at once whether it can be seen.
      inView.unobserve(item);
      inView.observe(item);
    }
  };
  document.addEventListener('visibilitychange', backInSight);

  /**
   * @param {HTMLElement} item
   * @param {{ follow?: boolean, counts?: boolean }} [how]
   */
  const add = (item, { follow = false, counts = false } = {}) => {
    const stay = !follow && !isAtEnd();
    list.append(item);
    if (!stay) {
      scrollToEnd();
    } else if (counts) {
      fresh += 1;
      toNewestLabel.textContent = t.room.newMessages(fresh);
      toNewest.hidden = false;
    }
  };

  const ages = setInterval(() => {
    for (const time of list.querySelectorAll('time')) {
      time.textContent = ago(Date.now() - Number(time.dataset.at));
    }
  }, 20_000);

  /** @param {string} id @param {import('../dom.js').Child[]} children */
  const setState = (id, ...children) => {
    const shown = mine.get(id);
    if (shown) {
      replace(shown.state, ...children);
    }
  };

  /** A text that is its author's again. @param {string} id @param {string} text @param {string} why */
  const giveBack = (id, text, why) => {
    const shown = mine.get(id);
    if (!shown) {
      return;
    }
    shown.item.classList.remove('pending');
    shown.item.classList.add('returned');
    const remove = () => {
      shown.item.remove();
      mine.delete(id);
    };
    setState(
      id,
      h('span', { class: 'returned-why' }, icon('alert'), why),
      h(
        'span',
        { class: 'button-row' },
        h(
          'button',
          {
            class: 'button small',
            type: 'button',
            onclick: () => {
              remove();
              sendAgain(text);
            },
          },
          t.message.again,
        ),
        h('button', { class: 'button small', type: 'button', onclick: remove }, t.message.discard),
      ),
    );
  };

  return {
    element: h('div', { class: 'log-frame' }, log, toNewest),
    bubbles: () => list.querySelectorAll('.message'),
    focusNewest: scrollToEnd,

    /** @param {Message} message */
    message({ id, author, text, sentAt, burnAfterMs, history }) {
      const self = author.self;
      const together = previous !== null && previous.author === author.id && sentAt - previous.at < TOGETHER_MS;
      previous = { author: author.id, at: sentAt };
      const state = h('span', { class: 'state' });
      const item = h(
        'li',
        { class: `message ${self ? 'mine pending' : 'theirs'}${together ? ' together' : ''}`, 'data-id': id },
        h(
          'p',
          { class: self || together ? 'author visually-hidden' : 'author' },
          self ? t.room.you : theirs(author.name ?? t.room.unverified, { class: 'author-name' }),
          h('span', { class: 'tag' }, `·${author.number}·${author.tag}`),
          author.clash && h('span', { class: 'clash', title: t.peoplePanel.clash }, icon('alert'), h('span', { class: 'visually-hidden' }, t.peoplePanel.clash)),
        ),
        h('p', { class: 'text', dir: 'auto' }, text),
        h(
          'p',
          { class: 'about' },
          burnAfterMs > 0 && h('span', { class: 'burns' }, icon('flame'), h('span', { class: 'visually-hidden' }, t.message.burnsAfter(length(burnAfterMs / 1_000))), h('span', { 'aria-hidden': 'true' }, length(burnAfterMs / 1_000))),
          history && h('span', { class: 'from-history' }, t.message.fromHistory),
          h('time', { 'data-at': sentAt, datetime: new Date(sentAt).toISOString() }, ago(Date.now() - sentAt)),
          state,
        ),
      );
      if (!self) {
        item.style.setProperty('--hue', colour(author.id));
      }
      if (burnAfterMs > 0) {
        item.style.setProperty('--burn', `${burnAfterMs}ms`);
      }
      all.set(`${author.id}/${id}`, item);
      if (self) {
        mine.set(id, { item, state, readers: new Set() });
        replace(state, icon('clock'), h('span', { class: 'visually-hidden' }, t.message.sending));
      } else {
        unseen.set(item, () => {
          item.classList.toggle('burning', burnAfterMs > 0);
          seen(author.id, id);
        });
      }
      add(item, { follow: self, counts: !self });
      if (!self) {
        inView.observe(item);
      }
    },

    /** @param {string} id */
    accepted(id) {
      const shown = mine.get(id);
      shown?.item.classList.remove('pending');
      shown?.item.classList.toggle('burning', shown.item.style.getPropertyValue('--burn') !== '');
      setState(id, icon('check'), h('span', { class: 'visually-hidden' }, t.message.sent));
    },

    /** @param {string} id @param {string} text */
    unsent: (id, text) => giveBack(id, text, t.message.unsent),

    /** @param {string} id @param {string} text */
    unknown: (id, text) => giveBack(id, text, t.message.unknown),

    /** @param {string} id @param {string} by */
    read(id, by) {
      const readers = mine.get(id)?.readers.add(by);
      if (readers) {
        const label = t.message.read(readers.size);
        setState(id, icon('checks'), h('span', { class: 'readers', 'aria-hidden': 'true' }, String(readers.size)), h('span', { class: 'visually-hidden' }, label));
      }
    },

    /** @param {string} author @param {string} id */
    burned(author, id) {
      const item = all.get(`${author}/${id}`);
      all.delete(`${author}/${id}`);
      mine.delete(id);
      if (!item) {
        return;
      }
      unseen.delete(item);
      inView.unobserve(item);
      // The words are gone at once; what glows on for a moment is an empty shape.
      const { height, width } = item.getBoundingClientRect();
      item.style.setProperty('--height', `${height}px`);
      item.style.setProperty('--width', `${width}px`);
      item.className = item.classList.contains('mine') ? 'ashes mine' : 'ashes';
      replace(item, h('span', { class: 'visually-hidden' }, t.message.burned));
      item.removeAttribute('data-id');
      setTimeout(() => item.remove(), 900);
    },

    /** Something that happened. @param {import('../dom.js').Child[]} children */
    notice(...children) {
      previous = null;
      add(h('li', { class: 'notice' }, ...children));
    },

    leave() {
      clearInterval(ages);
      resized.disconnect();
      inView.disconnect();
      document.removeEventListener('visibilitychange', backInSight);
      mine.clear();
      all.clear();
      unseen.clear();
      replace(list);
    },
  };
}
