// Breaks the web client on purpose, as it is loaded: `node --import …/mutate.mjs examples/web/shim/main.js …` with the
// name of a mutant of client.json in BURNCHAT_MUTANT. Nothing on disk is changed, and nothing of it is ever served.

import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';

const WEB = new URL('../../../examples/web/', import.meta.url);

const mutants = JSON.parse(readFileSync(new URL('client.json', import.meta.url), 'utf8'));
const mutant = mutants.find(({ name }) => name === process.env.BURNCHAT_MUTANT);
if (mutant === undefined) throw new Error('BURNCHAT_MUTANT names no mutant');
const url = new URL(mutant.file, WEB);
let source = readFileSync(fileURLToPath(url), 'utf8');
for (const { find, replace } of mutant.edits) {
  if (source.split(find).length !== 2) throw new Error(`${mutant.name}: its text is not there exactly once`);
  source = source.replace(find, () => replace);
}

const hooks = `
let mutated;
export const initialize = (data) => (mutated = data);
export const load = (url, context, next) =>
  url === mutated.url ? { format: 'module', source: mutated.source, shortCircuit: true } : next(url, context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: { url: url.href, source } });
