// @burnchat/protocol: what an application embeds. See README.md.

export { fromBase64url, toBase64url } from './bytes.js';
export { Client } from './client.js';
export { errors, ProtocolError } from './errors.js';
export { readProblem, readRoomInfo } from './frames.js';
export * as limits from './limits.js';
export { Link } from './link.js';
export { ownName, proposeName } from './names.js';
export { hardEnd, NewRoom } from './new-room.js';

/**
 * @typedef {import('./client.js').ClientOptions} ClientOptions
 * @typedef {import('./client.js').Output} Output
 * @typedef {import('./client.js').Status} Status
 * @typedef {import('./host.js').Event} Event
 * @typedef {import('./host.js').EndReason} EndReason
 * @typedef {import('./participants.js').Participant} Participant
 * @typedef {import('./verification.js').Verification} Verification
 * @typedef {import('./new-room.js').RoomOptions} RoomOptions
 */
