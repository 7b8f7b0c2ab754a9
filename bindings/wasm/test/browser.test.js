// The package in Chromium: a page that loads it, in one room with the plain-JS client's pages.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { after, before, test } from 'node:test';

import { burn, codes, create, ended, join, say, texts, together } from '../../../examples/web/test/browser/people.js';
import { somebody, startBrowser, startRelay } from '../../../examples/web/test/browser/setting.js';

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">
import * as driver from './js/room.js';
Object.assign(globalThis, { driver, told: [] });
document.title = 'ready';
</script>`;
const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** A web server for a page of somebody's, and the package's files as they are published. */
const server = createServer(async (request, response) => {
  const path = new URL(request.url, 'http://localhost').pathname;
  if (path === '/') return response.setHeader('Content-Type', 'text/html').end(PAGE);
  if (!/^\/(js|dist)\/[a-z_]+\.(js|wasm)$/.test(path)) return response.writeHead(404).end();
  response.setHeader('Content-Type', TYPES[extname(path)]).end(await readFile(new URL(`..${path}`, import.meta.url)));
});

/** @type {string} */
let site;
/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let chromium;
before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  site = `http://127.0.0.1:${server.address().port}`;
  relay = await startRelay('--allowed-origins', site);
  chromium = await startBrowser();
});
after(async () => {
  await chromium?.stop();
  await relay?.stop();
  server.close();
});

/** Somebody at the page with the package. */
async function guest() {
  const one = await somebody(chromium.browser);
  await one.page.goto(site);
  await one.page.waitForFunction(() => document.title === 'ready');
  const heard = (type) => one.page.waitForFunction((wanted) => globalThis.told.find((event) => event.type === wanted), type).then((found) => found.jsonValue());
  return { ...one, heard };
}

/** In the page. */
const enter = async ({ link, options }) => {
  globalThis.room = await globalThis.driver.joinRoom(link, options, (event) => globalThis.told.push(event));
};

test('a page with the package and a page of the web client talk, see the same codes, and burn', async () => {
  const [ana, ben] = [await somebody(chromium.browser), await guest()];
  const { link } = await create(ana.page, relay.url);
  await ben.page.evaluate(enter, { link, options: { name: 'Ben' } });
  await together(ana.page, 2);
  await ben.heard('keyed');
  await say(ana.page, 'from the web client');
  const message = await ben.heard('message');
  assert.deepEqual([message.text, message.author.name], ['from the web client', 'Ana']);
  await ben.page.evaluate(() => globalThis.room.send('from WebAssembly'));
  assert.deepEqual(await texts(ana.page, 2), ['from the web client', 'from WebAssembly']);
  const mine = await ben.page.evaluate(() => globalThis.room.verification());
  const theirs = await codes(ana.page);
  assert.deepEqual([theirs.short, theirs.number.join(' ').split(/\s+/), theirs.emoji], [mine.shortCode, mine.safetyNumber.split(/\s+/), mine.emoji.map(({ name }) => name)]);
  await burn(ana.page);
  await ended(ana.page, 'burned');
  assert.equal((await ben.heard('ended')).reason, 'burned');
  assert.deepEqual([...ana.problems, ...ben.problems], []);
});

test('a page with the package makes a room, and kicks a page of the web client', async () => {
  const [ana, ben] = [await guest(), await somebody(chromium.browser)];
  const { link, creatorToken } = await ana.page.evaluate(async (url) => {
    const { link, creatorToken } = await globalThis.driver.createRoom(url, { ttlSeconds: 300 });
    return { link, creatorToken: Array.from(creatorToken) };
  }, relay.url);
  await ana.page.evaluate(
    async ({ link, creatorToken }) => {
      const options = { name: 'Ana', creatorToken: new Uint8Array(creatorToken) };
      globalThis.room = await globalThis.driver.joinRoom(link, options, (event) => globalThis.told.push(event));
    },
    { link, creatorToken },
  );
  await ana.heard('joined');
  await join(ben.page, link, 'Ben');
  await together(ben.page, 2);
  await ana.page.evaluate(() => globalThis.room.kick(globalThis.room.participants().find(({ name }) => name === 'Ben').id));
  await ended(ben.page, 'kicked');
  assert.equal((await ana.heard('participantLeft')).reason, 'kicked');
  await ana.page.evaluate(() => globalThis.room.burn());
  await ana.heard('ended');
  assert.deepEqual([...ana.problems, ...ben.problems], []);
});
