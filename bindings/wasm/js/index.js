// The package: the machine of burnchat-wasm, after `load()`.

import initialise from '../dist/burnchat_wasm.js';

export { Client, checkName, codeMeaning, codeName, planRoom, readLink, readProblem, readRoomCreated } from '../dist/burnchat_wasm.js';

/** @typedef {import('../dist/burnchat_wasm.js').InitInput} Source */

// The types of what goes in and comes out, under the names they have there.
/** @typedef {import('../dist/burnchat_wasm.js').BurnchatError} BurnchatError */
/** @typedef {import('../dist/burnchat_wasm.js').Epoch} Epoch */
/** @typedef {import('../dist/burnchat_wasm.js').Event} Event */
/** @typedef {import('../dist/burnchat_wasm.js').Fault} Fault */
/** @typedef {import('../dist/burnchat_wasm.js').JoinOptions} JoinOptions */
/** @typedef {import('../dist/burnchat_wasm.js').LeaveReason} LeaveReason */
/** @typedef {import('../dist/burnchat_wasm.js').LinkParts} LinkParts */
/** @typedef {import('../dist/burnchat_wasm.js').Me} Me */
/** @typedef {import('../dist/burnchat_wasm.js').Output} Output */
/** @typedef {import('../dist/burnchat_wasm.js').Participant} Participant */
/** @typedef {import('../dist/burnchat_wasm.js').Problem} Problem */
/** @typedef {import('../dist/burnchat_wasm.js').ReadMessage} ReadMessage */
/** @typedef {import('../dist/burnchat_wasm.js').Role} Role */
/** @typedef {import('../dist/burnchat_wasm.js').RoomCreated} RoomCreated */
/** @typedef {import('../dist/burnchat_wasm.js').RoomPlan} RoomPlan */
/** @typedef {import('../dist/burnchat_wasm.js').RoomSettings} RoomSettings */
/** @typedef {import('../dist/burnchat_wasm.js').Status} Status */
/** @typedef {import('../dist/burnchat_wasm.js').Verification} Verification */

/** @type {Promise<void> | undefined} */
let loaded;

/**
 * Loads the WebAssembly module; everything else of this package waits for it. A second call waits for the first.
 * @param {Source | Promise<Source>} [source] the module, its bytes, its URL or the answer to a request for it; the file
 * beside this one if absent
 * @returns {Promise<void>}
 */
export function load(source) {
  loaded ??= start(source).catch((error) => {
    // What failed once may work the next time: a network does.
    loaded = undefined;
    throw error;
  });
  return loaded;
}

/** @param {Source | Promise<Source>} [source] */
async function start(source = new URL('../dist/burnchat_wasm_bg.wasm', import.meta.url)) {
  await initialise({ module_or_path: source instanceof URL && source.protocol === 'file:' ? read(source) : source });
}

/** Node's `fetch` reads no files. */
function read(/** @type {URL} */ file) {
  return globalThis.process.getBuiltinModule('node:fs/promises').readFile(file);
}
