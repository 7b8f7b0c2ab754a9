// The package: the machine of burnchat-wasm, after `load()`.

import initialise from '../dist/burnchat_wasm.js';

export { Client, checkName, codeMeaning, codeName, planRoom, readLink, readProblem, readRoomCreated } from '../dist/burnchat_wasm.js';

/** @typedef {import('../dist/burnchat_wasm.js').InitInput} Source */

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
