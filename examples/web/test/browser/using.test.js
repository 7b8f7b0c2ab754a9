// How the pages are to use: by keyboard, in another language, without movement, with much to read; and what they refuse.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SCENES } from './scenes.js';
import { picture, somebody, startBrowser, startRelay, withStandIn } from './setting.js';

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

/**
 * @param {import('node:test').TestContext} t
 * @param {string} scene
 * @param {import('playwright-core').BrowserContextOptions} [options]
 * @param {RegExp} [expected] what the browser will complain of
 */
async function at(t, scene, options, expected = /^$/) {
  const { context, page, problems } = await somebody(chromium.browser, options);
  t.after(async () => {
    await context.close();
    assert.deepEqual(problems.filter((problem) => !expected.test(problem)), []);
  });
  await withStandIn(context);
  const { path, script, act, ready } = SCENES[scene];
  await page.addInitScript((wanted) => Object.assign(globalThis, { standIn: wanted }), script ?? {});
  await page.goto(relay.url + path);
  await act?.(page);
  await page.locator(ready).first().waitFor();
  return page;
}

/** Presses Tab until something is reached. @param {import('playwright-core').Page} page @param {string} selector */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 40; presses += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) {
      return;
    }
    await page.keyboard.press('Tab');
  }
  assert.fail(`${selector} cannot be reached with Tab`);
}

test('a room is made, entered, used and burned by keyboard alone', async (t) => {
  const page = await at(t, 'start');
  await tabTo(page, 'button[type="submit"]');
  await page.keyboard.press('Enter');
  await page.locator('[data-state="ready"]').waitFor();
  await page.evaluate(() => {
    const { standIn } = /** @type {any} */ (globalThis);
    standIn.people = [1, 2].map((number) => ({ id: `${number}`, name: `N${number}`, number, tag: '7K2Q', label: '', role: 'member', verified: true, clash: false, self: number === 1 }));
  });
  await tabTo(page, 'button[type="submit"]');
  await page.keyboard.press('Enter');
  await page.locator('[data-page="room"]').waitFor();
  await page.keyboard.type('typed without a mouse');
  await page.keyboard.press('Enter');
  await page.getByText('typed without a mouse').waitFor();
  await tabTo(page, '[role="tab"][aria-selected="true"]');
  await page.keyboard.press('ArrowLeft');
  await tabTo(page, '.button.danger');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Cancel', 'what is asked first is the harmless answer');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await page.locator('[data-reason="burned"]').waitFor();
});

test('a panel over the messages closes with Escape and gives the keyboard back', async (t) => {
  const page = await at(t, 'room', { viewport: { width: 360, height: 740 } });
  await page.locator('.open-share').focus();
  await page.keyboard.press('Enter');
  await page.locator('#panel-share').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#panel-share').waitFor({ state: 'hidden' });
  assert.ok(await page.evaluate(() => document.activeElement?.matches('.open-share')));
});

test('whose browser speaks German is spoken to in German', async (t) => {
  const start = await at(t, 'start', { locale: 'de-DE', viewport: { width: 360, height: 740 } });
  await start.getByRole('heading', { name: 'Sag es. Dann verbrennt es.' }).waitFor();
  assert.equal(await start.evaluate(() => document.documentElement.lang), 'de');
  await picture(start, 'german-start-phone-light');
  const room = await at(t, 'panel-verify', { locale: 'de-DE', viewport: { width: 360, height: 740 } });
  assert.equal(await room.locator('.emoji-name').first().textContent(), 'Fuchs');
  await picture(room, 'german-verify-phone-light');
});

test('who wants no movement gets none: no fire, and nothing that pulses', async (t) => {
  const page = await at(t, 'room-last-minute', { reducedMotion: 'reduce' });
  assert.deepEqual(await page.evaluate(() => document.getAnimations().length), 0);
  await page.evaluate(() => /** @type {any} */ (globalThis).standIn.emit({ type: 'ended', reason: 'expired', code: null }));
  await page.locator('[data-reason="expired"]').waitFor();
  assert.equal(await page.locator('.fire').count(), 0);
});

test('of five hundred messages only those in sight are drawn', async (t) => {
  const page = await at(t, 'room');
  await page.evaluate(() => {
    const { standIn } = /** @type {any} */ (globalThis);
    for (let i = 0; i < 500; i += 1) {
      standIn.emit({ type: 'message', id: `x${i}`, author: standIn.people[1], text: `${i} ${'word '.repeat(i % 40)}`, sentAt: Date.now(), burnAfterMs: 0, history: false });
    }
  });
  const seen = () =>
    page.evaluate(() => {
      const all = [...document.querySelectorAll('.message .text')];
      return { all: all.length, drawn: all.filter((one) => one.checkVisibility({ contentVisibilityAuto: true })).length };
    });
  await page.waitForFunction(() => {
    const log = document.querySelector('.log');
    return log !== null && log.scrollHeight - log.scrollTop - log.clientHeight < 2;
  });
  const { all, drawn } = await seen();
  assert.equal(all, 506);
  assert.ok(drawn > 0 && drawn < 100, `${drawn} are drawn`);
  // Who has scrolled up to read stays there, and is told of what is new.
  await page.locator('.log').evaluate((log) => log.scrollTo(0, 0));
  await page.waitForFunction(() => document.querySelector('.log')?.scrollTop === 0);
  await page.evaluate(() => {
    const { standIn } = /** @type {any} */ (globalThis);
    standIn.emit({ type: 'message', id: 'last', author: standIn.people[1], text: 'the last', sentAt: Date.now(), burnAfterMs: 0, history: false });
  });
  await page.getByText('1 new message').waitFor();
  assert.ok((await page.locator('.log').evaluate((log) => log.scrollTop)) < 200);
});

test('a page makes no markup of text, and runs nothing that is not listed', async (t) => {
  const page = await at(t, 'room', {}, /requires 'TrustedHTML'/);
  const refused = await page.evaluate(() => {
    try {
      document.body.innerHTML = '<b>bold</b>';
      return false;
    } catch (error) {
      return error instanceof TypeError;
    }
  });
  assert.ok(refused, 'Trusted Types are on');
  await page.evaluate(() => {
    const { standIn } = /** @type {any} */ (globalThis);
    standIn.emit({ type: 'message', id: 'y', author: { ...standIn.people[1], name: '<img src=x>' }, text: '<script>alert(1)</script><b>', sentAt: Date.now(), burnAfterMs: 0, history: false });
  });
  await page.getByText('<script>alert(1)</script><b>').waitFor();
  assert.equal(await page.locator('main img, main script, main b').count(), 0);
});

test('without the web client the relay has an inert page, and no other', async () => {
  const bare = await startRelay('--no-web');
  try {
    assert.equal((await fetch(bare.url)).status, 404);
    assert.equal((await fetch(`${bare.url}/assets.json`)).status, 404);
    const page = await fetch(`${bare.url}/r/AAAAAAAAAAAAAAAAAAAAAA`);
    assert.equal(page.status, 200);
    assert.ok(!(await page.text()).includes('<script'));
  } finally {
    await bare.stop();
  }
});
