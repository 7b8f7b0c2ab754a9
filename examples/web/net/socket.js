// A connection over a WebSocket (section 13.1).

import { roomPath } from './api.js';

/**
 * What a connection tells. After `broken` it tells nothing more, nor after it was closed.
 * @typedef {object} Listener
 * @property {() => void} opened
 * @property {(frame: string) => void} message
 * @property {() => void} broken
 */

/**
 * @typedef {object} Connection
 * @property {(frame: string) => void} send
 * @property {(code: number) => void} close
 */

/** Given up by the client, which will be back: a break, and no leave. */
export const GIVEN_UP = 4000;

/**
 * @param {typeof globalThis.WebSocket} WebSocket
 * @param {import('../protocol/src/index.js').Link} link
 * @param {Listener} listener
 * @returns {Connection}
 */
export function openSocket(WebSocket, link, listener) {
  const socket = new WebSocket(`${roomPath(link).replace(/^http/, 'ws')}/ws`, 'burnchat.v1');
  let over = false;
  const broken = () => {
    if (over) return;
    over = true;
    listener.broken();
  };
  socket.addEventListener('open', () => {
    if (!over) listener.opened();
  });
  socket.addEventListener('message', ({ data }) => {
    // What is not text is no frame; the machine says so.
    if (!over) listener.message(typeof data === 'string' ? data : '');
  });
  socket.addEventListener('close', broken);
  socket.addEventListener('error', broken);
  return {
    send: (frame) => {
      if (socket.readyState === socket.OPEN) socket.send(frame);
    },
    close: (code) => {
      over = true;
      socket.close(code);
    },
  };
}
