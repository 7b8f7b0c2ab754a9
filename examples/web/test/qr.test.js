// The QR encoder, read back by a decoder that knows nothing of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import jsQR from 'jsqr';
import { encode } from '../ui/qr.js';

const decode = /** @type {(pixels: Uint8ClampedArray, width: number, height: number) => { binaryData: number[], version: number } | null} */ (
  /** @type {unknown} */ (jsQR)
);

/** @param {boolean[][]} modules */
function read(modules) {
  const scale = 4;
  const size = (modules.length + 8) * scale;
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);
  modules.forEach((row, y) =>
    row.forEach((dark, x) => {
      for (let i = 0; dark && i < scale * scale; i += 1) {
        const at = 4 * (((y + 4) * scale + Math.floor(i / scale)) * size + (x + 4) * scale + (i % scale));
        pixels.fill(0, at, at + 3);
      }
    }),
  );
  return decode(pixels, size, size);
}

/** @param {number} length */
const bytes = (length) => Uint8Array.from({ length }, (_, i) => 33 + ((i * 31 + (i >> 3) * 7) % 90));

/** The most that fits, by version: ISO/IEC 18004, table 7, level M. */
const MOST = {
  1: 14, 2: 26, 3: 42, 4: 62, 5: 84, 6: 106, 7: 122, 8: 152, 9: 180, 10: 213, 11: 251, 12: 287, 13: 331, 14: 362, 15: 412, 16: 450, 17: 504,
  18: 560, 19: 624, 20: 666, 21: 711, 22: 779, 23: 857, 24: 911, 25: 997, 26: 1059, 27: 1125, 28: 1190, 29: 1264, 30: 1370, 31: 1452, 32: 1538,
  33: 1628, 34: 1722, 35: 1809, 36: 1911, 37: 1989, 38: 2099, 39: 2213, 40: 2331,
};

test('a code of every version is as large as the standard says, and can be read', () => {
  for (const [version, most] of Object.entries(MOST)) {
    const modules = encode(bytes(most));
    assert.equal(modules.length, Number(version) * 4 + 17, `version ${version}`);
    // Reading the largest takes seconds, and they are made of the same parts.
    if (most < 500 || most === 2331) {
      const code = read(modules);
      assert.ok(code, `version ${version} cannot be read`);
      assert.deepEqual(Uint8Array.from(code.binaryData), bytes(most), `version ${version}`);
    }
    assert.ok(encode(bytes(most - 1)).length <= modules.length);
  }
});

test('a link and a verification code can be read', () => {
  for (const text of [`https://chat.example/r/${'A'.repeat(22)}#${'b-_'.repeat(19)}`, `burnchat-verify:1:${'0123456789'.repeat(6)}`, 'ä€🔥']) {
    const code = read(encode(new TextEncoder().encode(text)));
    assert.equal(new TextDecoder().decode(Uint8Array.from(code?.binaryData ?? [])), text);
  }
});

test('what is too long is refused', () => {
  assert.throws(() => encode(bytes(2332)), RangeError);
});
