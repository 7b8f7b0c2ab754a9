// The web client's protocol and network, driven by JSON lines: spec/shim.md on Node. For tests; no page loads it.
//
//   node examples/web/shim/main.js --json join LINK --name Ana

import { parseArguments, Usage } from './arguments.js';
import { compute } from './compute.js';
import { Printer } from './printer.js';
import { participate } from './participate.js';

const printer = new Printer(process.stdout);
try {
  const wanted = parseArguments(process.argv.slice(2));
  process.exitCode = wanted.command === 'compute' ? await compute(process.stdin, printer) : await participate(wanted, process.stdin, printer);
} catch (error) {
  if (!(error instanceof Usage)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
await printer.close();
// Nothing else keeps the process: not standard input, which may never end.
process.exit();
