// Rooms as people use them: browsers of their own, one relay, and all of it real.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { burn, codes, create, ended, inMemory, join, keyed, keysHeld, knock, line, say, terminal, texts, together, turnTo } from './people.js';
import { picture, somebody, startBrowser, startRelay } from './setting.js';

/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let chromium;

before(async () => {
  relay = await startRelay();
  chromium = await startBrowser();
});
after(async () => {
  await chromium?.stop();
  await relay?.stop();
});

// What a browser writes on its console, at a time of its own choosing, when a connection breaks or cannot be made.
const CUT = /^WebSocket connection to '[^']*' failed/;

/**
 * People, for the length of a test. Whose page goes wrong fails it.
 * @param {import('node:test').TestContext} t
 * @param {number} count
 * @param {RegExp} [expected] what a browser will complain of
 */
async function people(t, count, expected = /^$/) {
  const all = await Promise.all(Array.from({ length: count }, () => somebody(chromium.browser)));
  t.after(async () => {
    await Promise.all(all.map(({ context }) => context.close()));
    assert.deepEqual(all.flatMap(({ problems }) => problems).filter((problem) => !expected.test(problem)), []);
  });
  return all;
}

/*
 * Searched, in a snapshot of the page's heap after its garbage is gone: texts of both, the other's name, the PIN, the link,
 * both seat tokens, all as strings. Keys have no bytes there: WebCrypto has them, and the page holds objects, of which none
 * is left. While the room lives, names, links and keys are found. Not searched: what is in arrays of bytes, into which
 * DevTools do not let anybody look, and the browser's own memory, which no page can wipe. One's own name is remembered for
 * the next room, as one wished.
 */
test('a room lives from its creation to its burn, and leaves nothing', async (t) => {
  const [ana, ben] = await people(t, 2);
  const names = ['Anastasia of the willows', 'Benedict without umbrella'];
  const { link, pin } = await create(ana.page, relay.url, { name: names[0] });
  await join(ben.page, link, names[1]);
  await together(ana.page, 2);
  const words = ['periwinkle-4711-umbrella', 'sassafras-0815-lantern'];
  await say(ana.page, words[0]);
  await texts(ben.page, 1);
  await say(ben.page, words[1]);
  assert.deepEqual(await texts(ana.page, 2), words);
  assert.deepEqual(await texts(ben.page, 2), words);
  const fragment = new URL(ben.page.url()).hash.slice(1);
  const [hers, his] = [ana, ben].map(({ received }) => {
    const joined = received.find((frame) => frame.includes('"seat_token"')) ?? '{}';
    return /** @type {string} */ (JSON.parse(joined).seat_token);
  });
  const strings = [...words, ...names, pin, fragment, hers, his];
  for (const [{ page }, other] of /** @type {const} */ ([[ana, names[1]], [ben, names[0]]])) {
    assert.deepEqual(await inMemory(page, [fragment, other]), [fragment, other], 'while the room lives its link and its people are in memory');
    assert.ok((await keysHeld(page)) >= 5, 'and its keys');
    // What is only shown is held by the page's document, not by its scripts: let a script hold it, to see the search work.
    await page.evaluate(() => Object.assign(globalThis, { held: Array.from(document.querySelectorAll('.text'), (one) => one.textContent) }));
    assert.deepEqual(await inMemory(page, words), words, 'a text that a script holds is found');
    await page.evaluate(() => Reflect.deleteProperty(globalThis, 'held'));
  }

  await burn(ana.page);
  await Promise.all([ended(ana.page, 'burned'), ended(ben.page, 'burned')]);
  for (const { page } of [ana, ben]) {
    await page.locator('.fire').waitFor({ state: 'detached' });
    const html = await page.content();
    for (const trace of strings.filter((one) => !names.includes(one))) {
      assert.ok(!html.includes(trace), `${trace} is still in the page`);
    }
    assert.equal(await page.title(), 'Burnchat');
    assert.equal(new URL(page.url()).pathname + new URL(page.url()).hash, '/r/gone');
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), ['burnchat.name']);
    assert.equal((await page.context().cookies()).length, 0);
  }
  for (const [{ page }, own] of /** @type {const} */ ([[ana, names[0]], [ben, names[1]]])) {
    assert.ok(!(await page.content()).includes(own === names[0] ? names[1] : names[0]));
    assert.deepEqual(await inMemory(page, strings.filter((one) => one !== own)), [], 'after the burn');
    assert.equal(await keysHeld(page), 0, 'no key is held');
  }
  await ana.page.goBack();
  assert.equal(ana.page.url(), 'about:blank', 'Back leads out of the page');
  await ben.page.reload();
  await ben.page.getByRole('heading', { name: 'This room does not exist' }).waitFor();
  await ben.page.goto(link);
  await ben.page.locator('[data-code="room_not_found"]').waitFor();
});

test('nothing leaves the browser but for the relay, and never the fragment', async (t) => {
  const [ana, ben] = await people(t, 2);
  const { link } = await create(ana.page, relay.url, { name: 'Anastasia' });
  await join(ben.page, link, 'Benedict');
  await together(ana.page, 2);
  await say(ana.page, 'quincunx');
  await texts(ben.page, 1);
  await ben.page.reload();
  await together(ben.page, 2);
  const fragment = new URL(link).hash.slice(1);
  // The link's secret stands at bytes 6 to 22: as base64url, characters 8 to 29 of the fragment hold nothing else.
  const secret = fragment.slice(8, 29);
  const requests = [...ana.requests, ...ben.requests];
  assert.ok(requests.some(({ body }) => body.includes('"type":"join"')), 'frames are watched, too');
  for (const { url, headers, body } of requests) {
    assert.ok(url.startsWith(relay.url) || url.startsWith(relay.url.replace('http', 'ws')), url);
    for (const trace of [fragment, secret, 'Anastasia', 'Benedict', 'quincunx']) {
      assert.ok(!`${url} ${headers} ${body}`.includes(trace), `${trace} was sent to ${url}`);
    }
    assert.ok(!url.includes('#') && !/referer/i.test(headers), 'no referrer');
  }
  await burn(ana.page);
});

test('who comes late reads from then on, and all see the same codes', async (t) => {
  const [ana, ben, cem] = await people(t, 3);
  const { link } = await create(ana.page, relay.url);
  await join(ben.page, link, 'Ben');
  await together(ana.page, 2);
  await say(ana.page, 'before Cem');
  await texts(ben.page, 1);
  await join(cem.page, link, 'Cem');
  await Promise.all([ana, ben, cem].map(({ page }) => together(page, 3)));
  await say(ben.page, 'with Cem');
  assert.deepEqual(await texts(cem.page, 1), ['with Cem']);
  assert.deepEqual(await texts(ana.page, 2), ['before Cem', 'with Cem']);
  const [hers, his, theirs] = await Promise.all([ana, ben, cem].map(({ page }) => codes(page)));
  assert.equal(hers.emoji.length, 16);
  assert.deepEqual(his, hers);
  assert.deepEqual(theirs, hers);
  await picture(ana.page, 'real-room-three-desktop');
  await burn(ana.page);
});

test('in a room with history who comes late reads it all', async (t) => {
  const [ana, ben] = await people(t, 2);
  const { link } = await create(ana.page, relay.url, { history: true });
  await keyed(ana.page);
  await say(ana.page, 'to whom it may concern');
  await join(ben.page, link, 'Ben');
  assert.deepEqual(await texts(ben.page, 1), ['to whom it may concern']);
  await burn(ana.page);
});

test('a wrong PIN is counted, the right one makes a creator', async (t) => {
  const [ana, ben] = await people(t, 2);
  const { link, pin } = await create(ana.page, relay.url);
  const wrong = pin === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA';
  await knock(ben.page, link, 'Ana', wrong);
  await ben.page.getByText('2 tries are left').waitFor();
  await ben.page.getByLabel('PIN', { exact: true }).fill(`${pin.slice(0, 3)} ${pin.slice(3).toLowerCase()}`);
  await ben.page.getByRole('button', { name: 'Join the room' }).click();
  await ben.page.locator('[data-role="creator"]').waitFor();
  await ben.page.close();
  const [eve] = await people(t, 1);
  await knock(eve.page, link, 'Eve', wrong);
  await eve.page.getByText('1 try is left').waitFor();
  await eve.page.getByRole('button', { name: 'Join the room' }).click();
  await eve.page.getByText('No try is left').waitFor();
  await eve.page.getByLabel('PIN', { exact: true }).fill(pin);
  await eve.page.getByRole('button', { name: 'Join the room' }).click();
  await eve.page.getByText('Too many wrong PINs').waitFor();
  await burn(ana.page);
});

test('the link of somebody removed is dead, and the new one works', async (t) => {
  const [ana, ben, cem] = await people(t, 3);
  const { link } = await create(ana.page, relay.url);
  await join(ben.page, link, 'Ben');
  await together(ana.page, 2);
  await ana.page.getByRole('button', { name: /^Remove Ben/ }).click();
  await ana.page.getByRole('button', { name: 'Remove', exact: true }).click();
  await ended(ben.page, 'kicked');
  await ana.page.waitForFunction((old) => location.href !== old, link);
  const newer = ana.page.url();
  await ben.page.goto(link);
  await ben.page.getByRole('heading', { name: 'This link was replaced' }).waitFor();
  await join(cem.page, newer, 'Cem');
  await together(ana.page, 2);
  await say(cem.page, 'by the new link');
  assert.deepEqual(await texts(ana.page, 1), ['by the new link']);
  await burn(ana.page);
});

test('a locked room lets nobody in until it is opened', async (t) => {
  const [ana, ben] = await people(t, 2);
  const { link } = await create(ana.page, relay.url);
  await turnTo(ana.page, 'control');
  await ana.page.getByLabel(/^Lock/).check();
  await ana.page.locator('[data-locked="true"]').waitFor();
  await knock(ben.page, link, 'Ben');
  await ben.page.locator('[data-page="lobby"][data-state="locked"]').waitFor();
  await ana.page.getByLabel(/^Lock/).uncheck();
  await ana.page.locator('[data-locked="false"]').waitFor();
  await ben.page.getByRole('button', { name: 'Join the room' }).click();
  await together(ben.page, 2);
  await burn(ana.page);
});

test('a room for two is full with two', async (t) => {
  const [ana, ben, cem] = await people(t, 3);
  const { link } = await create(ana.page, relay.url, { two: true });
  await join(ben.page, link, 'Ben');
  await knock(cem.page, link, 'Cem');
  await cem.page.locator('[data-page="lobby"][data-state="full"]').waitFor();
  await burn(ana.page);
});

test('a longer fuse is longer for everybody', async (t) => {
  const [ana, ben] = await people(t, 2);
  const { link } = await create(ana.page, relay.url, { seconds: 90 });
  await join(ben.page, link, 'Ben');
  await together(ana.page, 2);
  await turnTo(ana.page, 'control');
  await ana.page.getByRole('button', { name: '+ 5 min' }).click();
  for (const { page } of [ana, ben]) {
    await page.getByText('The fuse is longer now').waitFor();
    await page.waitForFunction(() => /^[56]:/.test(document.querySelector('.time')?.textContent ?? ''));
  }
  await burn(ana.page);
});

test('a connection that was cut is taken up again, and nothing is lost', async (t) => {
  const wire = await line(relay.url);
  t.after(() => wire.stop());
  const [ana, ben] = await people(t, 2, CUT);
  const { link } = await create(ana.page, relay.url);
  await join(ben.page, link.replace(relay.url, wire.url), 'Ben');
  await together(ana.page, 2);
  wire.cut();
  await ben.page.locator('[data-connection="reconnecting"]').waitFor();
  await say(ana.page, 'while you were away');
  wire.mend();
  assert.deepEqual(await texts(ben.page, 1), ['while you were away']);
  await ben.page.locator('[data-connection="online"]').waitFor();
  await say(ben.page, 'here again');
  assert.deepEqual(await texts(ana.page, 2), ['while you were away', 'here again']);
  assert.equal(await ana.page.getByText('is gone').count(), 0, 'nobody saw him go');
  await burn(ana.page);
});

test('the creator may close the tab, and the room goes on', async (t) => {
  const [ana, ben, cem] = await people(t, 3);
  const { link } = await create(ana.page, relay.url);
  await join(ben.page, link, 'Ben');
  await join(cem.page, link, 'Cem');
  await together(ben.page, 3);
  await ana.page.close();
  await together(ben.page, 2);
  await together(cem.page, 2);
  await say(ben.page, 'she is gone');
  assert.deepEqual(await texts(cem.page, 1), ['she is gone']);
});

test('a message with a time of its own goes when it has been read', async (t) => {
  const [ana, ben] = await people(t, 2);
  const { link } = await create(ana.page, relay.url);
  await join(ben.page, link, 'Ben');
  await together(ana.page, 2);
  await ana.page.getByLabel('Burn after reading').selectOption('5000');
  await say(ana.page, 'marzipan-2718-harbour');
  assert.deepEqual(await texts(ben.page, 1), ['marzipan-2718-harbour']);
  for (const { page } of [ben, ana]) {
    await page.locator('.message').waitFor({ state: 'detached' });
    assert.deepEqual(await inMemory(page, ['marzipan-2718-harbour']), []);
  }
  await burn(ana.page);
});

test('the terminal client and the browser talk in one room', async (t) => {
  const [ana] = await people(t, 1);
  const { link } = await create(ana.page, relay.url);
  const tess = terminal(link, 'Tess');
  t.after(() => tess.stop());
  await tess.event('keyed');
  await together(ana.page, 2);
  await say(ana.page, 'hello terminal');
  const heard = await tess.event('message', ({ mine }) => !mine);
  assert.equal(heard.text, 'hello terminal');
  assert.equal(heard.name, 'Ana');
  tess.tell({ cmd: 'send', text: 'hello browser' });
  assert.deepEqual(await texts(ana.page, 2), ['hello terminal', 'hello browser']);
  tess.tell({ cmd: 'verify' });
  const verification = await tess.event('verification', ({ short }) => short !== undefined);
  const hers = await codes(ana.page);
  const last = await tess.event('verification', ({ number }) => number === hers.number.join(' '));
  assert.deepEqual(last.emoji_names, hers.emoji);
  assert.ok(verification);
  await burn(ana.page);
  await tess.event('burned');
  assert.equal(await tess.exited, 0);
});

test('a relay that dies takes the room with it, and the page burns by its own clock', async (t) => {
  const doomed = await startRelay();
  const [ana] = await people(t, 1, CUT);
  await create(ana.page, doomed.url, { seconds: 30 });
  await doomed.kill();
  await ana.page.locator('[data-connection="reconnecting"]').waitFor();
  await ana.page.locator('[data-page="end"][data-reason="expired"]').waitFor({ timeout: 40_000 });
});
