// Every page in every state, on a phone and a desktop, light and dark: nothing runs out of the window, nothing that axe
// finds serious, nothing that goes wrong in the console. The pictures are there to be looked at.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { SCENES } from './scenes.js';
import { picture, somebody, startBrowser, startRelay, withStandIn } from './setting.js';

const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1180, height: 760 } };
/** @type {('light' | 'dark')[]} */
const SCHEMES = ['light', 'dark'];
const only = process.env.SCENES?.split(',');

/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let chromium;
/** @type {string} */
let axe;

before(async () => {
  relay = await startRelay();
  chromium = await startBrowser();
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
});
after(async () => {
  await chromium?.stop();
  await relay?.stop();
});

for (const [size, viewport] of Object.entries(SIZES)) {
  test(`every state can be used on a ${size}`, async () => {
    const { context, page: unused, problems } = await somebody(chromium.browser, { viewport, hasTouch: size === 'phone' });
    await unused.close();
    await withStandIn(context);
    for (const [name, scene] of Object.entries(SCENES)) {
      if (only && !only.includes(name)) {
        continue;
      }
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(`${name}: ${error}`));
      page.on('console', (message) => message.type() === 'error' && problems.push(`${name}: ${message.text()}`));
      await page.addInitScript((wanted) => Object.assign(globalThis, { standIn: wanted }), scene.script ?? {});
      await page.emulateMedia({ colorScheme: 'light' });
      await page.goto(relay.url + scene.path);
      await scene.act?.(page);
      await page.locator(scene.ready).first().waitFor();
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        if (!scene.still) {
          await settled(page);
        }
        await picture(page, `${name}-${size}-${colorScheme}`);
        if (!scene.still) {
          assert.deepEqual(await serious(page), [], `${name}, ${colorScheme}`);
        }
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} px too wide`);
      await page.close();
    }
    assert.deepEqual(problems, []);
    await context.close();
  });
}

/** Until nothing moves that comes to rest by itself. @param {import('playwright-core').Page} page */
const settled = (page) =>
  page.waitForFunction(() =>
    document.getAnimations().every((one) => one.playState !== 'running' || one.effect?.getComputedTiming().endTime === Infinity || Number(one.effect?.getComputedTiming().endTime) > 5_000),
  );

/**
 * What axe finds that keeps somebody out.
 * @param {import('playwright-core').Page} page
 */
async function serious(page) {
  // As the test's own script, past the page's policy.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (globalThis).axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter((/** @type {any} */ one) => one.impact === 'serious' || one.impact === 'critical')
      .map((/** @type {any} */ one) => `${one.id}: ${one.nodes.map((/** @type {any} */ node) => `${node.target} ${node.failureSummary}`).join('; ')}`);
  });
}
