// The spec's vectors, put to the core as it is compiled for the web, by the conformance suite.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { program } from './programs.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('every file of vectors is agreed with', () => {
  const options = ['--shim', 'node bindings/wasm/test/shim.mjs', '--jobs', '2', '--json'];
  const ran = spawnSync(program('burnchat-conformance'), ['vectors', ...options], { encoding: 'utf8', cwd: root });
  assert.equal(ran.error, undefined);
  const { cases } = JSON.parse(ran.stdout);
  const of = (/** @type {string} */ verdict) => cases.filter((/** @type {any} */ one) => one.verdict === verdict).map(({ name }) => name);
  // The core has these names and limits only inside the machine.
  assert.deepEqual(of('not-implemented').sort(), ['vectors/16/limits/fixed', 'vectors/5.5/names/anonymous_names']);
  assert.equal(of('pass').length, cases.length - 2, ran.stdout);
  const files = readdirSync(new URL('../../../spec/vectors', import.meta.url)).filter((name) => name.endsWith('.json'));
  const agreed = new Set(of('pass').map((/** @type {string} */ name) => `${name.split('/').at(-2)}.json`));
  assert.deepEqual(files.filter((file) => !agreed.has(file)), ['limits.json']);
});
