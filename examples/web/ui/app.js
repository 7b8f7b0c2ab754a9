// Which page is shown, and the way from one to the next. A page is what its function returns: an element, and how to
// take it away.

import { RoomError, isSecureContext, parseLink } from '../net/room.js';
import { replace } from './dom.js';
import { coolDown } from './fuse.js';
import { deadPage } from './pages/dead.js';
import { endPage } from './pages/end.js';
import { lobbyPage } from './pages/lobby.js';
import { roomPage } from './pages/room.js';
import { startPage } from './pages/start.js';
import { forgetSeat, showTheme } from './remembered.js';
import { announceLanguage } from './strings.js';

/**
 * @typedef {object} Page
 * @property {HTMLElement} element
 * @property {() => void} [leave] stops what the page has running
 * @property {HTMLElement} [focus] where the keyboard goes; else to the heading
 */

/**
 * @typedef {object} Entry what leads into a room
 * @property {string} link
 * @property {string} roomId
 * @property {import('../net/room.js').CreatedRoom} [created] it was made here just now
 */

/** @typedef {Extract<import('../net/room.js').RoomEvent, { type: 'ended' }>} Ended */

/** The relay's address, as it stands before `/r/` in links. The modules lie at `<base>/assets/`. */
const base = new URL('../..', import.meta.url).href.replace(/\/$/, '');

/** @type {Page | undefined} */
let shown;

/** What pages may do with one another. */
export const app = {
  base,

  start() {
    putInAddressBar(`${base}/`);
    show(startPage(app));
  },

  /**
   * The room of a link.
   * @param {string} link
   * @param {import('../net/room.js').CreatedRoom} [created]
   */
  async open(link, created) {
    try {
      const { roomId } = await parseLink(link);
      putInAddressBar(link);
      show(lobbyPage(app, { link, roomId, created }));
    } catch (error) {
      app.dead(error instanceof RoomError ? error.code : null);
    }
  },

  /**
   * @param {import('../net/room.js').Room} room a seat is taken
   * @param {string} roomId
   */
  enter(room, roomId) {
    show(roomPage(app, room, roomId));
  },

  /**
   * There is nothing more to see of a room.
   * @param {Ended} how
   * @param {{ shapes?: import('./fire.js').Shape[], copied?: boolean }} [remains]
   */
  end(how, remains) {
    forget();
    show(endPage(app, how, remains));
  },

  /**
   * There is no way into a room.
   * @param {string | null} code
   */
  dead(code) {
    forget();
    show(deadPage(app, code));
  },

  /** The link is a new one. @param {string} link */
  replaceLink(link) {
    putInAddressBar(link);
  },
};

/** @typedef {typeof app} App */

/** @param {Page} page */
function show(page) {
  shown?.leave?.();
  shown = page;
  if (page.element.querySelector('.fuse') === null) {
    coolDown();
  }
  document.title = 'Burnchat';
  replace(document.body, page.element);
  const target = page.focus ?? page.element.querySelector('h1');
  target?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/**
 * In place of the entry that is there: there is never one to go back to.
 * @param {string} url
 */
function putInAddressBar(url) {
  if (url !== location.href) {
    history.replaceState(null, '', url);
  }
}

/** Nothing in this tab may lead back: not the address, and not the seat. */
function forget() {
  forgetSeat();
  putInAddressBar(`${base}/r/gone`);
}

/** The address changes under it, and it is named relative to that. */
function holdOnToIcon() {
  for (const link of document.querySelectorAll(/** @type {'link'} */ ('link[rel="icon"]'))) {
    link.setAttribute('href', link.href);
  }
}

function begin() {
  holdOnToIcon();
  showTheme();
  announceLanguage();
  if (!isSecureContext()) {
    show(deadPage(app, 'insecure'));
  } else if (!location.href.startsWith(`${base}/r/`)) {
    app.start();
  } else if (location.hash === '' && location.pathname.endsWith('/gone')) {
    app.dead('room_not_found');
  } else {
    void app.open(location.href);
  }
}

// Another link pasted into the address bar of the same room, or a page brought back from the browser's memory.
addEventListener('hashchange', () => location.reload());
addEventListener('pageshow', (event) => event.persisted && location.reload());
begin();
