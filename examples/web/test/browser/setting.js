// A relay and a browser for the tests: the real ones. Everything waits for conditions, and none of it for long.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
export const PICTURES = join(TARGET, 'screenshots');
const PATIENCE_MS = 60_000;

/** @param {string} name a program of the workspace, built for debugging */
export const program = (name) => join(TARGET, 'debug', name);

/**
 * A relay on a free port.
 * @param {string[]} flags
 */
export async function startRelay(...flags) {
  const child = spawn(program('burnchat-relay'), ['--listen', '127.0.0.1:0', '--log', 'off', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const lines = createInterface({ input: child.stdout });
  const first = await new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the relay ended with ${code}`)));
  });
  const url = /** @type {string} */ (/** @type {string} */ (first).match(/http:\/\/\S+/)?.[0]);
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export async function startBrowser() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(`no Chromium at ${executablePath}: ./test.sh browser installs it`);
  }
  const profile = await mkdtemp(join(tmpdir(), 'burnchat-browser-'));
  const browser = await chromium.launch({
    executablePath,
    env: { ...process.env, HOME: profile, LANG: 'en_US.UTF-8' },
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  return {
    browser,
    async stop() {
      await browser.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/**
 * Somebody with a browser of their own. What their page asks the network for, and what goes wrong in it, is kept.
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function somebody(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1100, height: 760 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  /** @type {{ url: string, headers: string, body: string }[]} */
  const requests = [];
  /** Frames from the relay. @type {string[]} */
  const received = [];
  /** @type {string[]} */
  const problems = [];
  context.on('request', async (request) => {
    const entry = { url: request.url(), headers: JSON.stringify(request.headers()), body: request.postData() ?? '' };
    requests.push(entry);
    entry.headers = JSON.stringify(await request.allHeaders().catch(() => ({})));
  });
  page.on('websocket', (socket) => {
    requests.push({ url: socket.url(), headers: '', body: '' });
    socket.on('framereceived', ({ payload }) => received.push(String(payload)));
    socket.on('framesent', ({ payload }) => requests.push({ url: socket.url(), headers: '', body: String(payload) }));
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // A refused request is the relay's answer, and is written there by the browser.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      problems.push(message.text());
    }
  });
  return { context, page, requests, received, problems };
}

/**
 * Pages with the stand-in in the place of the network.
 * @param {import('playwright-core').BrowserContext} context
 */
export async function withStandIn(context) {
  const standIn = await readFile(new URL('../standin/room.js', import.meta.url), 'utf8');
  await context.route('**/assets/net/room.js', (route) => route.fulfill({ contentType: 'text/javascript', body: standIn }));
  // The page holds its modules to their hashes, and this one has another.
  await context.route(
    (url) => url.pathname === '/' || url.pathname.startsWith('/r/'),
    async (route) => {
      const response = await route.fetch();
      const html = (await response.text()).replaceAll(/ integrity="[^"]*"/g, '').replaceAll(/<link rel="modulepreload"[^>]*>\s*/g, '');
      await route.fulfill({ response, body: html });
    },
  );
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
export async function picture(page, name) {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}
