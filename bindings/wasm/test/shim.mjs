// The spec's pure functions as this package's machine computes them, driven by JSON lines (spec/shim.md, section 8).
// Wants what `node build.mjs --vectors` writes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';

if (process.argv.slice(2).join(' ') !== '--json compute') {
  // Exit status 89: not implemented (spec/shim.md, section 1).
  process.exit(89);
}
const folder = join(process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../target', import.meta.url)), 'wasm-vectors');
const { initSync, compute } = await import(pathToFileURL(join(folder, 'burnchat_wasm.js')).href);
initSync({ module: readFileSync(join(folder, 'burnchat_wasm_bg.wasm')) });
const say = (line) => process.stdout.write(`${line}\n`);
say(JSON.stringify({ event: 'hello', shim: 1, client: 'burnchat-wasm/0.1.0' }));
for await (const line of createInterface({ input: process.stdin })) say(compute(line));
