// What people do with the pages, as the tests say it.

import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { program } from './setting.js';

/** @typedef {import('playwright-core').Page} Page */

/**
 * Makes a room and goes in.
 * @param {Page} page
 * @param {string} url the relay
 * @param {{ name?: string, seconds?: number, two?: boolean, history?: boolean }} [wishes]
 */
export async function create(page, url, { name = 'Ana', seconds, two = false, history = false } = {}) {
  await page.goto(url);
  if (seconds !== undefined) {
    await page.getByLabel('Other').check();
    await page.getByLabel('How many').fill(String(seconds));
    await page.getByLabel('Unit').selectOption('s');
  }
  if (two) {
    await page.getByLabel('Just two of us').check();
  }
  if (history) {
    await page.getByText('More choices').click();
    await page.getByLabel('Newcomers can read').check();
  }
  await page.getByRole('button', { name: 'Create the room' }).click();
  await page.locator('[data-state="ready"]').waitFor();
  const pin = (await page.locator('.pin-value').textContent()) ?? '';
  await page.getByLabel('Your name in this room').fill(name);
  await page.getByRole('button', { name: 'Go in' }).click();
  await page.locator('[data-page="room"]').waitFor();
  return { link: page.url(), pin };
}

/**
 * @param {Page} page
 * @param {string} link
 * @param {string} name
 * @param {string} [pin]
 */
export async function knock(page, link, name, pin) {
  await page.goto(link);
  await page.getByLabel('Your name in this room').fill(name);
  if (pin !== undefined) {
    if (!(await page.locator('.pin-fields').getAttribute('open').then((open) => open !== null))) {
      await page.getByText('I have a PIN').click();
    }
    await page.getByLabel('PIN', { exact: true }).fill(pin);
  }
  await page.getByRole('button', { name: 'Join the room' }).click();
}

/** @type {(page: Page, link: string, name: string, pin?: string) => Promise<void>} */
export async function join(page, link, name, pin) {
  await knock(page, link, name, pin);
  await page.locator('[data-page="room"]').waitFor();
  await keyed(page);
}

/** Until what is written goes out at once. @param {Page} page */
export const keyed = (page) => page.locator('[data-security="secured"]').waitFor();

/** Until so many are in the room, and what is written reaches them. @param {Page} page @param {number} count */
export async function together(page, count) {
  await page.waitForFunction((wanted) => document.querySelectorAll('.person').length === wanted, count);
  await keyed(page);
}

/** @param {Page} page @param {string} text */
export async function say(page, text) {
  const before = await page.locator('.message.mine').count();
  await page.getByLabel('Message', { exact: true }).focus();
  await page.keyboard.insertText(text);
  await page.keyboard.press('Enter');
  await page.waitForFunction((wanted) => document.querySelectorAll('.message.mine:not(.pending)').length === wanted, before + 1);
}

/**
 * The texts on a page, once there are so many. The words wanted are not told to the page: it is searched for them later.
 * @param {Page} page
 * @param {number} count
 */
export async function texts(page, count) {
  await page.waitForFunction((wanted) => document.querySelectorAll('.message .text').length >= wanted, count);
  return page.locator('.message .text').allTextContents();
}

/** @param {Page} page @param {'people' | 'verify' | 'share' | 'control'} name */
export const turnTo = (page, name) => page.locator(`#tab-${name}`).click();

/** @param {Page} page */
export async function burn(page) {
  await turnTo(page, 'control');
  await page.getByRole('button', { name: 'Burn it now' }).click();
  await page.getByRole('button', { name: 'Burn', exact: true }).click();
}

/** @param {Page} page */
export async function codes(page) {
  await turnTo(page, 'verify');
  await page.locator('.emoji li').first().waitFor();
  return {
    emoji: await page.locator('.emoji-name').allTextContents(),
    number: await page.locator('.safety-number span').allTextContents(),
    short: await page.locator('.short-code').textContent(),
  };
}

/** @param {Page} page @param {string} reason */
export const ended = (page, reason) => page.locator(`[data-page="end"][data-reason="${reason}"]`).waitFor();

/** Which texts the page's memory holds. @param {Page} page @param {string[]} wanted */
export async function inMemory(page, wanted) {
  const devtools = await page.context().newCDPSession(page);
  /** @type {string[]} */
  const chunks = [];
  devtools.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await devtools.send('HeapProfiler.collectGarbage');
  await devtools.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await devtools.detach();
  const snapshot = chunks.join('');
  return wanted.filter((text) => snapshot.includes(text));
}

/**
 * How many keys the page holds, the garbage gone. Their bytes no script can read and no snapshot has; a key that no script
 * holds is the browser's to forget.
 * @param {Page} page
 * @returns {Promise<number>}
 */
export async function keysHeld(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('HeapProfiler.collectGarbage');
  const { result: prototype } = await devtools.send('Runtime.evaluate', { expression: 'CryptoKey.prototype' });
  const { objects } = await devtools.send('Runtime.queryObjects', { prototypeObjectId: /** @type {string} */ (prototype.objectId) });
  const { result } = await devtools.send('Runtime.callFunctionOn', { objectId: objects.objectId, functionDeclaration: 'function () { return this.length; }' });
  // Or the list itself would keep them alive.
  await devtools.send('Runtime.releaseObject', { objectId: /** @type {string} */ (objects.objectId) });
  await devtools.detach();
  return result.value;
}

/**
 * A way to a relay that can be cut.
 * @param {string} url
 */
export async function line(url) {
  const { hostname, port } = new URL(url);
  /** @type {Set<import('node:net').Socket>} */
  const open = new Set();
  let cut = false;
  const server = createServer((near) => {
    if (cut) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    for (const [from, to] of [[near, far], [far, near]]) {
      const socket = /** @type {import('node:net').Socket} */ (from);
      open.add(socket);
      socket.pipe(/** @type {import('node:net').Socket} */ (to));
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        open.delete(socket);
        /** @type {import('node:net').Socket} */ (to).destroy();
      });
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    cut() {
      cut = true;
      open.forEach((socket) => socket.destroy());
    },
    mend() {
      cut = false;
    },
    async stop() {
      cut = true;
      open.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * The terminal client, driven by JSON lines (spec/shim.md).
 * @param {string} link
 * @param {string} name
 */
export function terminal(link, name) {
  const child = spawn(program('burnchat'), ['--json', 'join', link, '--name', name], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  /** @type {any[]} */
  const events = [];
  /** @type {Set<() => void>} */
  const waiting = new Set();
  createInterface({ input: child.stdout }).on('line', (text) => {
    events.push(JSON.parse(text));
    waiting.forEach((look) => look());
  });
  return {
    /** @param {Record<string, unknown>} command */
    tell: (command) => child.stdin.write(`${JSON.stringify(command)}\n`),
    /**
     * The first event of a kind that is as wanted.
     * @param {string} kind
     * @param {(event: any) => boolean} [wanted]
     * @returns {Promise<any>}
     */
    event: (kind, wanted = () => true) =>
      new Promise((resolve, reject) => {
        const patience = setTimeout(() => reject(new Error(`the terminal client never said ${kind}`)), 60_000);
        const look = () => {
          const found = events.find((event) => event.event === kind && wanted(event));
          if (found) {
            clearTimeout(patience);
            waiting.delete(look);
            resolve(found);
          }
        };
        waiting.add(look);
        look();
      }),
    exited,
    stop: () => child.kill(),
  };
}
