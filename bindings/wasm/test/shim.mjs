// This package as a participant of the conformance suite (spec/shim.md):
//
//   node bindings/wasm/test/shim.mjs --json join LINK --name Ana
//   node bindings/wasm/test/shim.mjs --json compute
//
// `compute` wants what `node build.mjs --vectors` writes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';

if (process.argv.slice(2).join(' ') === '--json compute') await compute();
else await participate();
process.exit();

async function compute() {
  const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../target', import.meta.url));
  const folder = join(target, 'wasm-vectors');
  const { initSync, compute } = await import(pathToFileURL(join(folder, 'burnchat_wasm.js')).href);
  initSync({ module: readFileSync(join(folder, 'burnchat_wasm_bg.wasm')) });
  const say = (line) => new Promise((resolve) => process.stdout.write(`${line}\n`, resolve));
  await say(JSON.stringify({ event: 'hello', shim: 1, client: 'burnchat-wasm/0.1.0' }));
  for await (const line of createInterface({ input: process.stdin })) await say(compute(line));
}

async function participate() {
  const { parseArguments, Usage } = await import('../../../examples/web/shim/arguments.js');
  const { Printer } = await import('../../../examples/web/shim/printer.js');
  const { participate } = await import('./participate.mjs');
  const printer = new Printer(process.stdout);
  try {
    process.exitCode = await participate(parseArguments(process.argv.slice(2)), process.stdin, printer);
  } catch (error) {
    if (!(error instanceof Usage)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  }
  await printer.close();
}
