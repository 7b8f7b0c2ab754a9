// The clock, the backoff, and what a refusal says: without a network.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { refusal } from '../api.js';
import { Backoff } from '../backoff.js';
import { Clock } from '../clock.js';

/** A clock whose two sources are set by hand. */
function clockBy(/** @type {{ wall: number, steady: number }} */ hands) {
  return new Clock(
    () => hands.wall,
    () => hands.steady,
  );
}

test('the clock goes on with the steady one', () => {
  const hands = { wall: 1_000_000, steady: 5 };
  const clock = clockBy(hands);
  assert.equal(clock.now(), 1_000_000);
  Object.assign(hands, { wall: 1_000_990, steady: 1005 });
  assert.equal(clock.now(), 1_001_000);
});

test('a wall clock that is put back lengthens nothing', () => {
  const hands = { wall: 1_000_000, steady: 0 };
  const clock = clockBy(hands);
  Object.assign(hands, { wall: 500_000, steady: 3000 });
  assert.equal(clock.now(), 1_003_000);
});

test('the time a machine has slept counts', () => {
  const hands = { wall: 1_000_000, steady: 0 };
  const clock = clockBy(hands);
  Object.assign(hands, { wall: 1_600_000, steady: 10 });
  assert.equal(clock.now(), 1_600_000);
});

test('a steady clock that steps back stands still', () => {
  const hands = { wall: 1_000_000, steady: 100 };
  const clock = clockBy(hands);
  hands.steady = 50;
  assert.equal(clock.now(), 1_000_000);
});

test('the first try is made at once, later ones ever more rarely, and never in step', () => {
  const [early, late] = [new Backoff(() => 0), new Backoff(() => 1)];
  const waits = Array.from({ length: 9 }, () => [early.next(), late.next()]);
  assert.deepEqual(waits.slice(0, 4), [[0, 0], [125, 250], [250, 500], [500, 1000]]);
  assert.deepEqual(waits.at(-1), [5000, 10_000]);
  early.reset();
  assert.equal(early.next(), 0);
});

test('a refusal is known by its code, else by its status', () => {
  const body = '{"type":"about:blank","title":"x","status":429,"code":"pin_locked","retry_after_ms":5000}';
  assert.equal(refusal(429, body).code, 'pin_locked');
  assert.equal(refusal(429, body).retryAfterMs, 5000);
  assert.equal(refusal(404, 'no').code, 'room_not_found');
  assert.equal(refusal(503, '').code, 'unreachable');
  assert.equal(refusal(418, '').code, 'bad_request');
});
