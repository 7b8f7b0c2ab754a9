// Every state of every page, as a script for the stand-in and what a person does to get there.

const ROOM = '/r/AAAAAAAAAAAAAAAAAAAAAA#BBBB';

/**
 * @typedef {object} Scene
 * @property {string} path
 * @property {Record<string, unknown>} [script]
 * @property {(page: import('playwright-core').Page) => Promise<unknown>} [act]
 * @property {string} ready what can be seen then
 * @property {boolean} [still] animations run on: only the picture is taken, nothing is measured
 */

/** @param {number} number @param {string | null} name @param {Record<string, unknown>} [more] */
const person = (number, name, more = {}) => ({
  id: `id-${number}-${name}`,
  name,
  number,
  tag: ['7K2Q', 'J3NY', 'W8PD', 'M4XT', 'C6RA', 'H2VE'][number - 1] ?? '7K2Q',
  label: `${name ?? 'unverified'}·${number}·7K2Q`,
  role: 'member',
  verified: name !== null,
  clash: false,
  self: false,
  ...more,
});

const ANA = person(1, 'Ana', { role: 'creator', self: true });
const BEN = person(2, 'Ben');
const OTTER = person(3, 'anonymous-otter-k7m2q');
const LONG = person(4, 'Donaudampfschifffahrtsgesellschaftskapitän');
const YARA = person(5, 'يارا');
const TWIN = person(6, 'Ben', { clash: true });
const STRANGER = person(7, null);
const people = [ANA, BEN, OTTER];

/** @param {import('playwright-core').Page} page */
const join = async (page) => {
  await page.getByRole('button', { name: /^(Join the room|Eintreten)$/ }).click();
  await page.locator('[data-page="room"]').waitFor();
};

/** @param {import('playwright-core').Page} page @param {unknown[]} events */
const emit = (page, events) => page.evaluate((list) => list.forEach((event) => /** @type {any} */ (globalThis).standIn.emit(event)), events);

let id = 0;
/** @param {typeof ANA} author @param {string} text @param {number} [minutesAgo] @param {Record<string, unknown>} [more] */
const says = (author, text, minutesAgo = 0, more = {}) => ({
  type: 'message',
  id: `m${(id += 1)}`,
  author,
  text,
  sentAt: Date.now() - minutesAgo * 60_000,
  burnAfterMs: 0,
  history: false,
  ...more,
});

const talk = () => {
  const own = says(ANA, 'Here I am. Did everyone get the link?', 6);
  const last = says(ANA, 'Good. When the fuse is down, none of this was ever said.', 1);
  return [
    own,
    { type: 'accepted', id: own.id },
    { type: 'read', by: BEN.id, author: ANA.id, id: own.id },
    { type: 'read', by: OTTER.id, author: ANA.id, id: own.id },
    says(BEN, 'Yes. Same pictures on my side: fox, cactus, moon, pizza.', 5),
    says(BEN, 'So nobody sits in between.', 5),
    says(OTTER, 'Same here 🔥', 4),
    says(BEN, 'The keys are under the blue pot, the code is 4711.', 2, { burnAfterMs: 30_000 }),
    last,
    { type: 'accepted', id: last.id },
    { type: 'read', by: BEN.id, author: ANA.id, id: last.id },
  ];
};

/** @param {import('playwright-core').Page} page */
const talking = async (page) => {
  await join(page);
  await emit(page, talk());
};

/** @param {'people' | 'verify' | 'share' | 'control'} name */
const panel = (name) => async (/** @type {import('playwright-core').Page} */ page) => {
  await talking(page);
  const tab = page.locator(`#tab-${name}`);
  await ((await tab.isVisible()) ? tab : page.locator(`.open-${name}`)).click();
  await page.locator(`#panel-${name}`).waitFor();
};

/** @param {Record<string, unknown>} how */
const ended = (how) => async (/** @type {import('playwright-core').Page} */ page) => {
  await talking(page);
  await emit(page, [{ type: 'ended', code: null, retryAfterMs: null, attemptsLeft: null, ...how }]);
};

/** @type {Record<string, Scene>} */
export const SCENES = {
  start: { path: '/', ready: '[data-page="start"]' },
  'start-more': {
    path: '/',
    act: async (page) => {
      await page.getByLabel('Other').check();
      await page.getByText('More choices').click();
      await page.getByLabel('Link to a room').fill('http://elsewhere');
    },
    ready: '.custom-time',
  },
  'start-problem': {
    path: '/',
    script: { linkError: 'link_mistyped' },
    act: async (page) => {
      await page.getByLabel('Link to a room').fill('http://127.0.0.1/r/AAAAAAAAAAAAAAAAAAAAAA#x');
      await page.getByRole('button', { name: 'Open', exact: true }).click();
    },
    ready: '.problem:not(:empty)',
  },
  ready: { path: '/', act: (page) => page.getByRole('button', { name: 'Create the room' }).click(), ready: '[data-state="ready"]' },
  lobby: { path: ROOM, ready: '[data-state="open"]' },
  'lobby-locked': { path: ROOM, script: { info: { secondsRemaining: 754, participants: 3, capacity: 50, locked: true, history: true, whoMayBurn: 'anyone' } }, ready: '[data-state="locked"]' },
  'lobby-full': { path: ROOM, script: { info: { secondsRemaining: 54, participants: 2, capacity: 2, locked: false, history: false, whoMayBurn: 'creator' } }, ready: '[data-state="full"]' },
  'lobby-wrong-pin': {
    path: ROOM,
    script: { joinEnds: { reason: 'refused', code: 'wrong_pin', attemptsLeft: 2 } },
    act: async (page) => {
      await page.getByText('I have a PIN').click();
      await page.getByLabel('PIN', { exact: true }).fill('ABC234');
      await page.getByRole('button', { name: 'Join the room' }).click();
    },
    ready: '[data-state="wrong-pin"]',
  },
  'lobby-pin-locked': {
    path: ROOM,
    script: { joinEnds: { reason: 'refused', code: 'pin_locked', retryAfterMs: 581_000 } },
    act: (page) => page.getByRole('button', { name: 'Join the room' }).click(),
    ready: '[data-state="pin-locked"]',
  },
  'lobby-unreachable': { path: ROOM, script: { infoError: 'unreachable' }, ready: '[data-state="unreachable"]' },
  'no-room': { path: ROOM, script: { infoError: 'room_not_found' }, ready: '[data-code="room_not_found"]' },
  'link-replaced': { path: ROOM, script: { infoError: 'link_expired' }, ready: '[data-code="link_expired"]' },
  'link-cut': { path: ROOM, script: { linkError: 'link_no_fragment' }, ready: '[data-code="link_no_fragment"]' },
  insecure: { path: '/', script: { secure: false }, ready: '[data-code="insecure"]' },
  'room-alone': { path: ROOM, script: { people: [ANA], security: 'alone' }, act: join, ready: '.empty-title' },
  room: { path: ROOM, script: { people }, act: talking, ready: '.message.mine' },
  'room-last-minute': { path: ROOM, script: { people, secondsRemaining: 42 }, act: talking, ready: '.message.mine' },
  'room-securing': {
    path: ROOM,
    script: { people, security: 'securing' },
    act: async (page) => {
      await talking(page);
      await emit(page, [says(ANA, 'This waits for the key.')]);
    },
    ready: '.pending',
  },
  'room-reconnecting': {
    path: ROOM,
    script: { people },
    act: async (page) => {
      await talking(page);
      await emit(page, [{ type: 'connection', state: 'reconnecting', retryAt: null }]);
    },
    ready: '[data-connection="reconnecting"]',
  },
  'room-offline': {
    path: ROOM,
    script: { people },
    act: async (page) => {
      await talking(page);
      await emit(page, [{ type: 'connection', state: 'offline', retryAt: null }]);
    },
    ready: '[data-connection="offline"]',
  },
  'room-trouble': {
    path: ROOM,
    script: { people: [ANA, BEN, LONG, YARA, TWIN, STRANGER] },
    act: async (page) => {
      await join(page);
      const lost = says(ANA, 'Only for the two of us.');
      await emit(page, [
        { type: 'participantJoined', participant: LONG },
        says(LONG, `${'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz'.repeat(3)} https://example.org/${'a'.repeat(140)}`),
        says(YARA, 'مرحبا يا جماعة، هل وصل الرابط؟'),
        says(TWIN, 'I am Ben, too.'),
        { type: 'missed', from: BEN.id, count: 2 },
        { type: 'unreadable', from: YARA.id, reason: 'notKeyedYet' },
        { type: 'participantLeft', participant: OTTER, reason: 'timeout' },
        { type: 'linkChanged' },
        lost,
        { type: 'unsent', id: lost.id, text: lost.text },
        { type: 'typing', from: LONG.id, typing: true },
      ]);
    },
    ready: '.returned',
  },
  'panel-people': { path: ROOM, script: { people: [ANA, BEN, LONG, YARA, TWIN, STRANGER] }, act: panel('people'), ready: '#panel-people' },
  'panel-verify': { path: ROOM, script: { people }, act: panel('verify'), ready: '.emoji' },
  'panel-share': {
    path: ROOM,
    script: { people },
    act: async (page) => {
      await panel('share')(page);
      await page.locator('#panel-share').getByText('Link as a QR code').click();
    },
    ready: '#panel-share .qr',
  },
  'panel-room': { path: ROOM, script: { people }, act: panel('control'), ready: '#panel-control' },
  burned: {
    path: ROOM,
    script: { people },
    act: async (page) => {
      await ended({ reason: 'expired' })(page);
      await page.locator('.fire').waitFor({ state: 'detached' });
    },
    ready: '[data-reason="expired"]',
  },
  kicked: { path: ROOM, script: { people }, act: ended({ reason: 'kicked' }), ready: '[data-reason="kicked"]' },
  left: { path: ROOM, script: { people }, act: ended({ reason: 'left' }), ready: '[data-reason="left"]' },
  displaced: { path: ROOM, script: { people }, act: ended({ reason: 'refused', code: 'displaced' }), ready: '[data-code="displaced"]' },
  'bad-link': { path: ROOM, script: { joinEnds: { reason: 'failed', code: 'bad_link' } }, act: (page) => page.getByRole('button', { name: 'Join the room' }).click(), ready: '[data-code="bad_link"]' },
  // The last, because time stays as it is for all pages of a browser.
  fire: {
    path: ROOM,
    script: { people },
    act: async (page) => {
      // In the middle of it, however slow the machine.
      await page.clock.install();
      await talking(page);
      await page.clock.pauseAt(Date.now() + 60_000);
      await emit(page, [{ type: 'ended', reason: 'burned', code: null, retryAfterMs: null, attemptsLeft: null }]);
      await page.evaluate(() => {
        for (const one of document.getAnimations()) {
          one.pause();
          one.currentTime = 1_100;
        }
      });
      await page.clock.runFor(1_100);
    },
    ready: '.fire',
    still: true,
  },
};
