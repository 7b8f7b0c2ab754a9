// QR codes (ISO/IEC 18004) of bytes, error correction M, drawn as one SVG path. Up to version 40: 2,331 bytes, more than
// the longest link.

import { svg } from './dom.js';

/** Error correction codewords in each block, by version from 1. */
const CHECK_BYTES = [
  10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 28, 28,
];
/** Blocks, by version from 1. */
const BLOCKS = [
  1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45,
  47, 49,
];

/**
 * The code of a text as a picture, black on white whatever the page's colours, with the quiet zone readers need.
 * @param {string} text
 * @param {string} label for those who do not see it
 */
export function qrPicture(text, label) {
  const modules = encode(new TextEncoder().encode(text));
  const size = modules.length + 8;
  let path = '';
  modules.forEach((row, y) => {
    row.forEach((dark, x) => {
      path += dark ? `M${x + 4} ${y + 4}h1v1h-1z` : '';
    });
  });
  return svg(
    'svg',
    { class: 'qr', viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': label, 'shape-rendering': 'crispEdges' },
    svg('path', { class: 'qr-light', d: `M0 0h${size}v${size}H0z` }),
    svg('path', { class: 'qr-dark', d: path }),
  );
}

/**
 * @param {Uint8Array} bytes
 * @returns {boolean[][]} rows of modules, true for dark
 */
export function encode(bytes) {
  const version = smallestVersion(bytes.length);
  const codewords = withChecks(payload(bytes, version), version);
  const drawing = new Drawing(version);
  drawing.drawData(codewords);
  return drawing.bestMasked();
}

/** @param {number} length */
function smallestVersion(length) {
  for (let version = 1; version <= 40; version += 1) {
    if (4 + lengthBits(version) + 8 * length <= 8 * dataBytes(version)) {
      return version;
    }
  }
  throw new RangeError('too long for a QR code');
}

/** Bits of the length in byte mode. @param {number} version */
const lengthBits = (version) => (version < 10 ? 8 : 16);

/** Modules that carry data or checks. @param {number} version */
function rawModules(version) {
  const size = version * 4 + 17;
  const aligned = alignmentPositions(version).length;
  // All of them but finders with separators and format bits, timing patterns,
  let modules = size * size - 3 * 64 - 31 - 2 * (size - 16);
  // alignment patterns (those on the timing patterns overlap them by five),
  if (aligned > 0) {
    modules -= (aligned * aligned - 3) * 25 - 2 * (aligned - 2) * 5;
  }
  // and version bits.
  return version < 7 ? modules : modules - 36;
}

/** @param {number} version */
const dataBytes = (version) =>
  Math.floor(rawModules(version) / 8) - /** @type {number} */ (CHECK_BYTES[version - 1]) * /** @type {number} */ (BLOCKS[version - 1]);

/**
 * @param {Uint8Array} bytes
 * @param {number} version
 */
function payload(bytes, version) {
  /** @type {number[]} */
  const bits = [];
  const push = (/** @type {number} */ value, /** @type {number} */ width) => {
    for (let bit = width - 1; bit >= 0; bit -= 1) {
      bits.push((value >>> bit) & 1);
    }
  };
  push(0b0100, 4);
  push(bytes.length, lengthBits(version));
  bytes.forEach((byte) => push(byte, 8));
  const room = 8 * dataBytes(version);
  push(0, Math.min(4, room - bits.length));
  push(0, -bits.length & 7);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) {
    push(pad, 8);
  }
  return Uint8Array.from({ length: bits.length / 8 }, (_, i) => bits.slice(8 * i, 8 * i + 8).reduce((byte, bit) => (byte << 1) | bit, 0));
}

/**
 * Splits into blocks, adds Reed-Solomon checks, interleaves.
 * @param {Uint8Array} bytes
 * @param {number} version
 */
function withChecks(bytes, version) {
  const count = /** @type {number} */ (BLOCKS[version - 1]);
  const checks = /** @type {number} */ (CHECK_BYTES[version - 1]);
  const short = Math.floor(bytes.length / count);
  const long = bytes.length % count;
  const generator = generatorOf(checks);
  const blocks = Array.from({ length: count }, (_, i) => {
    const start = i * short + Math.max(0, i - (count - long));
    const block = bytes.slice(start, start + short + (i >= count - long ? 1 : 0));
    return { block, check: remainder(block, generator) };
  });
  /** @type {number[]} */
  const all = [];
  for (let i = 0; i <= short; i += 1) {
    blocks.forEach(({ block }) => i < block.length && all.push(/** @type {number} */ (block[i])));
  }
  for (let i = 0; i < checks; i += 1) {
    blocks.forEach(({ check }) => all.push(/** @type {number} */ (check[i])));
  }
  return all;
}

/** In the field of 256 elements modulo x^8 + x^4 + x^3 + x^2 + 1. @param {number} a @param {number} b */
function times(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ (product & 0x80 ? 0x11d : 0);
    product ^= (b >>> bit) & 1 ? a : 0;
  }
  return product & 0xff;
}

/** The product of (x - 2^i) for i below `degree`, without its leading 1. @param {number} degree */
function generatorOf(degree) {
  const generator = new Uint8Array(degree);
  generator[degree - 1] = 1;
  let root = 1;
  for (let i = 0; i < degree; i += 1) {
    for (let j = 0; j < degree; j += 1) {
      generator[j] = times(/** @type {number} */ (generator[j]), root) ^ (generator[j + 1] ?? 0);
    }
    root = times(root, 2);
  }
  return generator;
}

/**
 * @param {Uint8Array} block
 * @param {Uint8Array} generator
 */
function remainder(block, generator) {
  const rest = new Uint8Array(generator.length);
  for (const byte of block) {
    const factor = byte ^ /** @type {number} */ (rest[0]);
    rest.copyWithin(0, 1);
    rest[rest.length - 1] = 0;
    generator.forEach((coefficient, i) => {
      rest[i] = /** @type {number} */ (rest[i]) ^ times(coefficient, factor);
    });
  }
  return rest;
}

/** Where the centres of alignment patterns stand, in either direction. @param {number} version */
function alignmentPositions(version) {
  if (version === 1) {
    return [];
  }
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  const last = version * 4 + 10;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => last - step * (count - 2 - i))];
}

/** @type {((x: number, y: number) => boolean)[]} */
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

class Drawing {
  /** @param {number} version */
  constructor(version) {
    this.size = version * 4 + 17;
    /** @type {boolean[][]} */
    this.dark = Array.from({ length: this.size }, () => new Array(this.size).fill(false));
    /** @type {boolean[][]} those that masks leave alone */
    this.fixed = this.dark.map((row) => row.slice());
    for (let i = 0; i < this.size; i += 1) {
      this.fix(6, i, i % 2 === 0);
      this.fix(i, 6, i % 2 === 0);
    }
    this.drawFinder(3, 3);
    this.drawFinder(this.size - 4, 3);
    this.drawFinder(3, this.size - 4);
    this.drawAlignment(alignmentPositions(version));
    this.drawFormat(0);
    this.drawVersion(version);
  }

  /** Data go up and down in columns two wide, from the right. @param {number[]} codewords */
  drawData(codewords) {
    let bit = 0;
    for (let right = this.size - 1; right >= 1; right -= 2) {
      const column = right <= 6 ? right - 1 : right;
      const upwards = ((column + 1) & 2) === 0;
      for (let i = 0; i < this.size; i += 1) {
        const y = upwards ? this.size - 1 - i : i;
        for (const x of [column, column - 1]) {
          if (!this.is(this.fixed, x, y) && bit < codewords.length * 8) {
            this.put(x, y, ((/** @type {number} */ (codewords[bit >>> 3]) >>> (7 - (bit & 7))) & 1) === 1);
            bit += 1;
          }
        }
      }
    }
  }

  bestMasked() {
    let best = { penalty: Infinity, mask: 0 };
    MASKS.forEach((_, mask) => {
      this.apply(mask);
      const penalty = this.penalty();
      best = penalty < best.penalty ? { penalty, mask } : best;
      this.apply(mask);
    });
    this.apply(best.mask);
    return this.dark;
  }

  /** Puts a mask on, or takes it off. @param {number} number */
  apply(number) {
    const mask = /** @type {(x: number, y: number) => boolean} */ (MASKS[number]);
    this.drawFormat(number);
    for (let y = 0; y < this.size; y += 1) {
      for (let x = 0; x < this.size; x += 1) {
        if (!this.is(this.fixed, x, y) && mask(x, y)) {
          this.put(x, y, !this.is(this.dark, x, y));
        }
      }
    }
  }

  /** @param {boolean[][]} grid @param {number} x @param {number} y */
  is(grid, x, y) {
    return /** @type {boolean} */ (/** @type {boolean[]} */ (grid[y])[x]);
  }

  /** @param {number} x @param {number} y @param {boolean} dark */
  put(x, y, dark) {
    /** @type {boolean[]} */ (this.dark[y])[x] = dark;
  }

  /** @param {number} x @param {number} y @param {boolean} dark */
  fix(x, y, dark) {
    if (x >= 0 && y >= 0 && x < this.size && y < this.size) {
      this.put(x, y, dark);
      /** @type {boolean[]} */ (this.fixed[y])[x] = true;
    }
  }

  /** With the light border that separates it. @param {number} cx @param {number} cy */
  drawFinder(cx, cy) {
    for (let dy = -4; dy <= 4; dy += 1) {
      for (let dx = -4; dx <= 4; dx += 1) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        this.fix(cx + dx, cy + dy, ring !== 2 && ring !== 4);
      }
    }
  }

  /** @param {number[]} positions */
  drawAlignment(positions) {
    const last = positions.length - 1;
    positions.forEach((cx, i) => {
      positions.forEach((cy, j) => {
        if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) {
          return;
        }
        for (let dy = -2; dy <= 2; dy += 1) {
          for (let dx = -2; dx <= 2; dx += 1) {
            this.fix(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
          }
        }
      });
    });
  }

  /** Level M is 00; a BCH code over level and mask, twice. @param {number} mask */
  drawFormat(mask) {
    let rest = mask;
    for (let i = 0; i < 10; i += 1) {
      rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
    }
    const bits = ((mask << 10) | rest) ^ 0x5412;
    const bit = (/** @type {number} */ i) => ((bits >>> i) & 1) === 1;
    for (let i = 0; i <= 5; i += 1) {
      this.fix(8, i, bit(i));
    }
    this.fix(8, 7, bit(6));
    this.fix(8, 8, bit(7));
    this.fix(7, 8, bit(8));
    for (let i = 9; i < 15; i += 1) {
      this.fix(14 - i, 8, bit(i));
    }
    for (let i = 0; i < 8; i += 1) {
      this.fix(this.size - 1 - i, 8, bit(i));
    }
    for (let i = 8; i < 15; i += 1) {
      this.fix(8, this.size - 15 + i, bit(i));
    }
    this.fix(8, this.size - 8, true);
  }

  /** @param {number} version */
  drawVersion(version) {
    if (version < 7) {
      return;
    }
    let rest = version;
    for (let i = 0; i < 12; i += 1) {
      rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
    }
    const bits = (version << 12) | rest;
    for (let i = 0; i < 18; i += 1) {
      const dark = ((bits >>> i) & 1) === 1;
      const [a, b] = [this.size - 11 + (i % 3), Math.floor(i / 3)];
      this.fix(a, b, dark);
      this.fix(b, a, dark);
    }
  }

  /** How hard it is to read: runs, squares, what looks like a finder, and too much of one colour. */
  penalty() {
    let penalty = 0;
    let dark = 0;
    const lines = [this.dark, this.dark.map((_, x) => this.dark.map((row) => /** @type {boolean} */ (row[x])))];
    for (const grid of lines) {
      for (const row of grid) {
        const text = row.map((module) => (module ? '1' : '0')).join('');
        for (const run of text.match(/0{5,}|1{5,}/g) ?? []) {
          penalty += run.length - 2;
        }
        penalty += 40 * (text.match(/(?=10111010000|00001011101)/g) ?? []).length;
      }
    }
    for (let y = 0; y < this.size; y += 1) {
      for (let x = 0; x < this.size; x += 1) {
        const here = this.is(this.dark, x, y);
        dark += here ? 1 : 0;
        if (x > 0 && y > 0 && here === this.is(this.dark, x - 1, y) && here === this.is(this.dark, x, y - 1) && here === this.is(this.dark, x - 1, y - 1)) {
          penalty += 3;
        }
      }
    }
    return penalty + 10 * Math.floor(Math.abs((dark * 20) / (this.size * this.size) - 10));
  }
}
