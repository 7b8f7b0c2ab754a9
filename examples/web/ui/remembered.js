// What outlives a page: in this browser, the chosen name and look; in this tab and until the burn, the seat token.
// Nothing else is ever stored. A browser may forbid all of it, and then nothing is remembered.

const NAME = 'burnchat.name';
const THEME = 'burnchat.theme';
const SEAT = 'burnchat.seat';

/** @typedef {'system' | 'light' | 'dark'} Theme */

export const rememberedName = () => read(() => localStorage, NAME) ?? '';

/** @param {string} name */
export const rememberName = (name) => write(() => localStorage, NAME, name);

/** @returns {Theme} */
export function rememberedTheme() {
  const theme = read(() => localStorage, THEME);
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  write(() => localStorage, THEME, theme === 'system' ? null : theme);
  showTheme();
}

export function showTheme() {
  document.documentElement.dataset.theme = rememberedTheme();
}

/**
 * The seat this tab had in a room, so that a reload takes it back.
 * @param {string} roomId
 */
export function seatIn(roomId) {
  const [room, token] = (read(() => sessionStorage, SEAT) ?? '').split(' ');
  return room === roomId && token ? token : undefined;
}

/**
 * @param {string} roomId
 * @param {string | null} token
 */
export const keepSeat = (roomId, token) => write(() => sessionStorage, SEAT, token === null ? null : `${roomId} ${token}`);

export const forgetSeat = () => write(() => sessionStorage, SEAT, null);

/**
 * @param {() => Storage} storage
 * @param {string} key
 */
function read(storage, key) {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

/**
 * @param {() => Storage} storage
 * @param {string} key
 * @param {string | null} value
 */
function write(storage, key, value) {
  try {
    if (value === null) {
      storage().removeItem(key);
    } else {
      storage().setItem(key, value);
    }
  } catch {
    // It will be asked for again.
  }
}
