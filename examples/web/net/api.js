// Requests that are not part of a connection (section 13.4).

import { ProtocolError, readProblem, toBase64url } from '../protocol/src/index.js';

/** @typedef {import('../protocol/src/index.js').Link} Link */

/** Longest wait for an answer, ms. */
export const PATIENCE = 15_000;

export const roomPath = (/** @type {Link} */ { base, roomId }) => `${base}/api/rooms/${toBase64url(roomId)}`;

/**
 * The body of a good answer. Throws a `ProtocolError` with the relay's code, or `unreachable`.
 * @param {typeof globalThis.fetch} fetch
 * @param {string} url
 * @param {RequestInit} init
 * @param {(body: string, status: number) => ProtocolError} [refused] what a refusal says
 * @returns {Promise<string>}
 */
export async function request(fetch, url, init, refused = (body, status) => refusal(status, body)) {
  let answer;
  let body;
  try {
    answer = await fetch(url, {
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(PATIENCE),
      ...init,
    });
    body = await answer.text();
  } catch {
    throw new ProtocolError('unreachable');
  }
  if (answer.ok) return body;
  throw refused(body, answer.status);
}

/** What a refusal says; where it says nothing that is understood, what its status says. */
export function refusal(/** @type {number} */ status, /** @type {string} */ body) {
  try {
    const { code, retry_after_ms: retryAfterMs, attempts_left: attemptsLeft } = readProblem(body);
    return new ProtocolError(code, { retryAfterMs, attemptsLeft });
  } catch {
    if (status === 404) return new ProtocolError('room_not_found');
    if (status === 429) return new ProtocolError('rate_limited');
    return new ProtocolError(status >= 500 ? 'unreachable' : 'bad_request');
  }
}
